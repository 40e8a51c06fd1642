"""Where readings go: tables, counts, annotated pictures and videos."""
