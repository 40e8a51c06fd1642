"""A self-contained HTML page per video, which opens from disk and loads nothing."""
