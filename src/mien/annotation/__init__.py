"""Labels that people give to faces: gathered from photos and videos, kept in one file, taken to training."""
