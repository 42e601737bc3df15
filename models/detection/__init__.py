"""Networks that find objects, and what they share."""
