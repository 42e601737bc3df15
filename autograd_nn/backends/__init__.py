"""Back ends under the path that programs for Chainer know: `autograd_nn.backends.cuda` is `autograd_nn.cuda`."""
from autograd_nn import cuda
