"""Faces in a picture: detectors behind one protocol, and the crop that a classifier wants."""
