"""Layers: links with the parameters of functions."""
from autograd_nn.links.parameter import Parameter
