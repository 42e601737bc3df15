"""Caffe's files: networks and weights of the Caffe framework (needs protobuf: ``pip install 'autograd_nn[caffe]'``)."""
# First, as it says what to install where protobuf is missing.
from autograd_nn.caffe import schema
from autograd_nn.caffe.blobs import read_mean
from autograd_nn.caffe.function import CaffeFunction
from autograd_nn.caffe.network import CaffeNetwork, load
from autograd_nn.caffe.reading import read_caffemodel, read_prototxt, read_weights
from autograd_nn.caffe.schema import LayerParameter, NetParameter
from autograd_nn.caffe.upgrade import upgrade
from autograd_nn.caffe.writing import write_caffemodel, write_mean, write_prototxt
from autograd_nn.utils.labels import read_labels

__all__ = [
    'CaffeFunction', 'CaffeNetwork', 'LayerParameter', 'NetParameter', 'load', 'read_caffemodel', 'read_labels',
    'read_mean', 'read_prototxt', 'read_weights', 'schema', 'upgrade', 'write_caffemodel', 'write_mean',
    'write_prototxt',
]
