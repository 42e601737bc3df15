"""Networks that learn features of pictures without labels."""
