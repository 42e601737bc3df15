"""Means and variances of activations made equal."""
