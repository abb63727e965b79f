"""Suites of tasks that come with this project."""
