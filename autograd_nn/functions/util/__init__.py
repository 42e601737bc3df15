"""Ways to compute, rather than what."""
