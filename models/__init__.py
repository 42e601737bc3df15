"""The model zoo: published networks, built from links alone."""
import sys as _sys

from autograd_nn.models.classification.alexnet import AlexNet, OneTowerAlexNet
from autograd_nn.models.classification.deep_convnet import DeepConvNet
from autograd_nn.models.classification.efficientnet import EfficientNetB0, EfficientNetLite0, EfficientNetV2S
from autograd_nn.models.classification.googlenet import GoogLeNet, GoogLeNetBN
from autograd_nn.models.classification.image_network import DigitNetwork, ImageNetwork
from autograd_nn.models.classification.lenet import LeNet, LeNet5, LeNetBN
from autograd_nn.models.classification.mlp import MLP
from autograd_nn.models.classification.mobilenet import MobileNet, MobileNetV2
from autograd_nn.models.classification.nin import NIN
from autograd_nn.models.classification.perceptron import (
    Perceptron,
    SingleLayerPerceptron,
    TwoLayerPerceptron,
    and_gate,
    nand_gate,
    or_gate,
    xor_gate,
)
from autograd_nn.models.classification.resnet import CifarResNet, ResNet, SEResNet
from autograd_nn.models.classification.squeezenet import SqueezeNet
from autograd_nn.models.classification.vgg import VGG
from autograd_nn.models.classification.vision_transformer import VisionTransformer
from autograd_nn.models.layers.blocks import StagedChain
from autograd_nn.models.preprocessing import CAFFE, DIGITS, TORCHVISION, Preprocessing
from autograd_nn.models.published import load_published
from autograd_nn.models.registry import Entry, Recipe, create, get, names, register
from autograd_nn.models.representation.contrastive import ContrastiveNetwork, MoCo, SimCLR
from autograd_nn.models.style.fast_style import (
    FastStyleNet,
    InstanceNormalization,
    PictureTransformer,
    SuperResolutionNet,
)
from autograd_nn.models.style.losses import (
    FeatureExtractor,
    PerceptualLoss,
    content_loss,
    gram_matrix,
    style_loss,
    total_variation,
)
from autograd_nn.models.text.lstm_lm import LSTMLanguageModel
from autograd_nn.utils import hints as _hints

__all__ = ['CAFFE', 'DIGITS', 'MLP', 'NIN', 'TORCHVISION', 'VGG', 'AlexNet', 'CifarResNet', 'ContrastiveNetwork',
           'DeepConvNet', 'DigitNetwork', 'EfficientNetB0', 'EfficientNetLite0', 'EfficientNetV2S', 'Entry',
           'FastStyleNet', 'FeatureExtractor', 'GoogLeNet', 'GoogLeNetBN', 'ImageNetwork', 'InstanceNormalization',
           'LSTMLanguageModel', 'LeNet', 'LeNet5', 'LeNetBN', 'MoCo', 'MobileNet', 'MobileNetV2', 'OneTowerAlexNet',
           'Perceptron', 'PerceptualLoss', 'PictureTransformer', 'Preprocessing', 'Recipe', 'ResNet', 'SEResNet',
           'SimCLR', 'SingleLayerPerceptron', 'SqueezeNet', 'StagedChain', 'SuperResolutionNet', 'TwoLayerPerceptron',
           'VisionTransformer', 'and_gate', 'content_loss', 'create', 'get', 'gram_matrix', 'load_published', 'names',
           'nand_gate', 'or_gate', 'register', 'style_loss', 'total_variation', 'xor_gate']

# Networks have names rather than classes: models.resnet50() is told so.
_hints.explain_names({_sys.modules[__name__]: {
    _hints.simplify(name): f'here it is models.create({name!r})' for name in names()}})
