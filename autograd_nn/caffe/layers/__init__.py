"""The layers of Caffe's networks, by their types."""
from autograd_nn.caffe.layers import activation, convolution, detection, loss, normalization, pooling, shape
from autograd_nn.caffe.layers.registry import BUILDERS, INPUT_TYPES, Layer, Specification, build, builder, describe
