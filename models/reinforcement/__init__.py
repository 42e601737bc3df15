"""Networks that play."""
