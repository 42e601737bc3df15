"""Links around a whole network."""
