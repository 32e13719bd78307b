"""What `./x guard` holds against what was recorded."""
