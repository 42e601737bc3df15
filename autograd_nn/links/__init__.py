"""Layers: links with the parameters of functions."""
from autograd_nn.links.activation import PReLU, Swish
from autograd_nn.links.affine import Bias, Scale
from autograd_nn.links.attention import MultiHeadAttention
from autograd_nn.links.classifier import Classifier
from autograd_nn.links.convolution import (
    Convolution1D,
    Convolution2D,
    Convolution3D,
    ConvolutionND,
    Deconvolution1D,
    Deconvolution2D,
    Deconvolution3D,
    DeconvolutionND,
    DepthwiseConvolution2D,
    DilatedConvolution2D,
    MLPConvolution2D,
)
from autograd_nn.links.embedding import EmbedID
from autograd_nn.links.fully_connected import Bilinear, Linear, Maxout
from autograd_nn.links.gru import GRU, StatefulGRU, StatefulMGU, StatelessGRU, StatelessMGU
from autograd_nn.links.inception import Inception, InceptionBN
from autograd_nn.links.lstm import LSTM, StatefulPeepholeLSTM, StatefulZoneoutLSTM, StatelessLSTM
from autograd_nn.links.n_step import (
    NStepBiGRU,
    NStepBiLSTM,
    NStepBiRNNReLU,
    NStepBiRNNTanh,
    NStepGRU,
    NStepLSTM,
    NStepRNNReLU,
    NStepRNNTanh,
)
from autograd_nn.links.normalization import BatchNormalization, GroupNormalization, LayerNormalization
from autograd_nn.links.parameter import Parameter
from autograd_nn.links.shortcut import Shortcut
from autograd_nn.links.tree_lstm import ChildSumTreeLSTM, NaryTreeLSTM
