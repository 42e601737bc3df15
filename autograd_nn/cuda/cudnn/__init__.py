"""The kernels through cuDNN, NVIDIA's library of neural-network kernels; what it does not serve, the others compute.

Every kernel has the name and the meaning of its namesake in `autograd_nn.cuda.kernels`, which takes over for float64,
for empty arrays, for what cuDNN declines, and for the kernels that are not here. Pooling is among those: the frontend
has no operation for it.
"""
from autograd_nn.cuda.kernels import *  # noqa: F403, I001  # first, so that the kernels below replace these
from autograd_nn.cuda.cudnn.attention import attention, attention_grad
from autograd_nn.cuda.cudnn.convolution import convolution, convolution_filter_grad, deconvolution
from autograd_nn.cuda.cudnn.library import CuDNNError, in_use, load
from autograd_nn.cuda.cudnn.normalization import batch_normalization, batch_normalization_grad
