"""Does the log keep what it promised? Crashes, kills, flipped bytes and failing disks, counted."""
