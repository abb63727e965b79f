"""Scripted experts: one function a task family, reading the page anew at every step."""
