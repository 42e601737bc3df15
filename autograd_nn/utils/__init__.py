"""Small tools that know nothing of graphs or layers."""
from autograd_nn.utils import conv, type_check
from autograd_nn.utils.array import force_array
from autograd_nn.utils.conv import get_conv_outsize, get_deconv_outsize

__all__ = ['conv', 'force_array', 'get_conv_outsize', 'get_deconv_outsize', 'type_check']
