"""Back ends under the path that programs for Chainer know: `autograd_nn.backends.cuda` is `autograd_nn.cuda`."""
import sys

from autograd_nn import cuda

# For ``import autograd_nn.backends.cuda``.
sys.modules[f'{__name__}.cuda'] = cuda
