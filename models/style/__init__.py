"""The style of one picture for the content of another."""
