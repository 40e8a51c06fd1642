"""The workshop: networks, training and export. The only floor that imports torch."""
