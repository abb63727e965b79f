"""What happened, kept for good."""
