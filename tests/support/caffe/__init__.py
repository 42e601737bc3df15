"""Layers and networks as Caffe has them, and what runs them besides."""
