"""How good a model is: pure functions of arrays."""
