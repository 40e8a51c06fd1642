"""Labelled faces: one table, readers for every layout people have, and the finder of near copies."""
