"""How well predictions agree with what is right; without gradients."""
