"""Decides what to do next. Touches neither torch nor a screen's library."""
