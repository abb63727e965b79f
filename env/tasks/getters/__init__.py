"""What is looked at when a task is judged: one function for each getter of OSWorld."""
