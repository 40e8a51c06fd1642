"""What a stream of readings amounts to: shares of time, episodes, conditions, curves short enough to draw."""
