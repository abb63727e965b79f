"""What runs on the machine itself, within its sandbox."""
