"""Caffe's files: networks and weights of the Caffe framework."""
