"""How the guard's trained part is made: examples -> tuned encoder -> heads and thresholds."""
