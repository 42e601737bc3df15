"""Recurrent links: single steps, layers that remember their state, and stacks over whole sequences."""
