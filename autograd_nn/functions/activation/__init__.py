"""Activations: what stands between layers."""
