"""Random changes, most of them in training only."""
