"""Scripted solvers of the suite's tasks: what a person's hands would do."""
