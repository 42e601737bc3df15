"""Layers: links with the parameters of functions."""
from autograd_nn.links.activation.simplified_dropconnect import SimplifiedDropconnect
from autograd_nn.links.activation.trainable import PReLU, Swish
from autograd_nn.links.connection.affine import Bias, Scale
from autograd_nn.links.connection.attention import MultiHeadAttention
from autograd_nn.links.connection.binary import BinaryConvolution2D, BinaryLinear
from autograd_nn.links.connection.convolution import (
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
from autograd_nn.links.connection.deformable_convolution_2d import DeformableConvolution2D
from autograd_nn.links.connection.embedding import EmbedID
from autograd_nn.links.connection.fully_connected import Bilinear, Linear, Maxout
from autograd_nn.links.connection.highway import Highway
from autograd_nn.links.connection.inception import Inception, InceptionBN
from autograd_nn.links.connection.local_convolution_2d import LocalConvolution2D
from autograd_nn.links.connection.parameter import Parameter
from autograd_nn.links.loss.black_out import BlackOut
from autograd_nn.links.loss.crf1d import CRF1d
from autograd_nn.links.loss.hierarchical_softmax import BinaryHierarchicalSoftmax
from autograd_nn.links.loss.negative_sampling import NegativeSampling
from autograd_nn.links.model.classifier import Classifier
from autograd_nn.links.normalization.batch_renormalization import BatchRenormalization
from autograd_nn.links.normalization.decorrelated_batch_normalization import DecorrelatedBatchNormalization
from autograd_nn.links.normalization.normalization import BatchNormalization, GroupNormalization, LayerNormalization
from autograd_nn.links.rnn.gru import GRU, StatefulGRU, StatefulMGU, StatelessGRU, StatelessMGU
from autograd_nn.links.rnn.lstm import LSTM, StatefulPeepholeLSTM, StatefulZoneoutLSTM, StatelessLSTM
from autograd_nn.links.rnn.n_step import (
    NStepBiGRU,
    NStepBiLSTM,
    NStepBiRNNReLU,
    NStepBiRNNTanh,
    NStepGRU,
    NStepLSTM,
    NStepRNNReLU,
    NStepRNNTanh,
)
from autograd_nn.links.rnn.tree_lstm import ChildSumTreeLSTM, NaryTreeLSTM
from autograd_nn.links.shortcut import Shortcut

__all__ = [
    'GRU', 'LSTM', 'BatchNormalization', 'BatchRenormalization', 'Bias', 'Bilinear', 'BinaryConvolution2D',
    'BinaryHierarchicalSoftmax', 'BinaryLinear', 'BlackOut', 'CRF1d', 'ChildSumTreeLSTM', 'Classifier', 'Convolution1D',
    'Convolution2D', 'Convolution3D', 'ConvolutionND', 'Deconvolution1D', 'Deconvolution2D', 'Deconvolution3D',
    'DeconvolutionND', 'DecorrelatedBatchNormalization', 'DeformableConvolution2D', 'DepthwiseConvolution2D',
    'DilatedConvolution2D', 'EmbedID', 'GroupNormalization', 'Highway', 'Inception', 'InceptionBN',
    'LayerNormalization', 'Linear', 'LocalConvolution2D', 'MLPConvolution2D', 'Maxout', 'MultiHeadAttention',
    'NStepBiGRU', 'NStepBiLSTM', 'NStepBiRNNReLU', 'NStepBiRNNTanh', 'NStepGRU', 'NStepLSTM', 'NStepRNNReLU',
    'NStepRNNTanh', 'NaryTreeLSTM', 'NegativeSampling', 'PReLU', 'Parameter', 'Scale', 'Shortcut',
    'SimplifiedDropconnect', 'StatefulGRU', 'StatefulMGU', 'StatefulPeepholeLSTM', 'StatefulZoneoutLSTM',
    'StatelessGRU', 'StatelessLSTM', 'StatelessMGU', 'Swish',
]
