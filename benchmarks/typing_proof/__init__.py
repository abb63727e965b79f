"""Is every text typed exactly, or refused? Random Unicode into a real GTK field, read back."""
