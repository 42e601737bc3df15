"""Chainer's networks of ``links.model.vision``: those of the zoo, with the constructors and methods of Chainer."""
from autograd_nn.models.vision.googlenet import GoogLeNet
from autograd_nn.models.vision.resnet import ResNet50Layers, ResNet101Layers, ResNet152Layers, ResNetLayers
from autograd_nn.models.vision.vgg import VGG16Layers, VGG19Layers, VGGLayers

__all__ = [
           'GoogLeNet',
           'ResNet50Layers',
           'ResNet101Layers',
           'ResNet152Layers',
           'ResNetLayers',
           'VGG16Layers',
           'VGG19Layers',
           'VGGLayers',
]
