"""How fast and how often right mien is on this machine, beside other tools where they are installed."""
