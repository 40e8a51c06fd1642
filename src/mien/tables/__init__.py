"""The researchers' table: one row per frame and face; its columns, its files in three formats, its sidecar."""
