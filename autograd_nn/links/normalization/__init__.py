"""Normalization with parameters and running statistics."""
