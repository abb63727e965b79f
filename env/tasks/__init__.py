"""OSWorld's task files: read, set up on a machine of ours, judged."""
