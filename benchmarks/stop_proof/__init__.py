"""Does a stop always stop, and is nothing ever left held? Counted on a real X server."""
