"""The model zoo: published networks, built from links alone."""
from autograd_nn.models.deep_convnet import DeepConvNet
from autograd_nn.models.image_network import ImageNetwork
from autograd_nn.models.lenet import LeNet, LeNet5
from autograd_nn.models.mlp import MLP
from autograd_nn.models.perceptron import (
    Perceptron,
    SingleLayerPerceptron,
    TwoLayerPerceptron,
    and_gate,
    nand_gate,
    or_gate,
    xor_gate,
)
from autograd_nn.models.preprocessing import CAFFE, TORCHVISION, Preprocessing
from autograd_nn.models.registry import Entry, create, get, names, register
from autograd_nn.models.squeezenet import SqueezeNet

__all__ = ['CAFFE', 'MLP', 'TORCHVISION', 'DeepConvNet', 'Entry', 'ImageNetwork', 'LeNet', 'LeNet5', 'Perceptron',
           'Preprocessing', 'SingleLayerPerceptron', 'SqueezeNet', 'TwoLayerPerceptron', 'and_gate', 'create', 'get',
           'names', 'nand_gate', 'or_gate', 'register', 'xor_gate']
