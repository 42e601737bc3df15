"""Stands where `chainer` would be: the import of the next line puts autograd_nn in its place."""
import autograd_nn.chainer

