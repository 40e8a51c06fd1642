"""Frames in: photos, videos, cameras and what an address leads to."""
