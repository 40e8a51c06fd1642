"""Networks, one file each, with their source."""
