"""The model zoo: published networks, built from links alone."""
from autograd_nn.models.deep_convnet import DeepConvNet
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
from autograd_nn.models.registry import Entry, create, get, names, register

__all__ = ['MLP', 'DeepConvNet', 'Entry', 'LeNet', 'LeNet5', 'Perceptron', 'SingleLayerPerceptron',
           'TwoLayerPerceptron', 'and_gate', 'create', 'get', 'names', 'nand_gate', 'or_gate', 'register', 'xor_gate']
