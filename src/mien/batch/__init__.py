"""Many photos and videos through one analyzer into files: what fails is named, what was read is not lost."""
