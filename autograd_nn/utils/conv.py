"""Sizes of what sliding windows produce, under Chainer's names."""
from autograd_nn.geometry import conv_output_size as get_conv_outsize
from autograd_nn.geometry import deconv_output_size as get_deconv_outsize

__all__ = ['get_conv_outsize', 'get_deconv_outsize']
