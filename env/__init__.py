"""Screens and what can be done to them. Knows nothing of models or agents."""
