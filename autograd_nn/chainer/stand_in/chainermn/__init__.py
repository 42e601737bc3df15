"""Stands where `chainermn` would be: what it is here takes its place."""
import sys

import autograd_nn.chainer

sys.modules['chainermn'] = autograd_nn.chainer.alias.get_chainermn()
