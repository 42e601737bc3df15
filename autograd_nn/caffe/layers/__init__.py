"""The layers of Caffe's networks, by their types."""
from autograd_nn.caffe.layers import (
    activation,
    convolution,
    detection,
    loss,
    normalization,
    pooling,
    recurrent,
    selection,
    shape,
    source,
)
from autograd_nn.caffe.layers.convolution import is_for_each
from autograd_nn.caffe.layers.loss import get_loss_weights, name_tops
from autograd_nn.caffe.layers.registry import BUILDERS, Layer, Specification, build, builder, describe, is_input
