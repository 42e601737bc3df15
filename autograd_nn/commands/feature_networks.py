"""The network whose layers say what content and style are: the options by which programs let a person choose it."""
from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import Chain, models, serializers
from autograd_nn.commands.command_line import about
from autograd_nn.training.run_folder import path_of_network

# By the beginning of the name of a model: the layers for the content, and those for the style.
Usual = dict[str, tuple[list[str], list[str]]]

LAYERS: Usual = {
    'vgg': (['conv4_2'], ['conv1_1', 'conv2_1', 'conv3_1', 'conv4_1', 'conv5_1']),
    'nin': (['mlpconv2'], ['mlpconv1', 'mlpconv2', 'mlpconv3']),
    'googlenet': (['inception_3a'], ['conv1', 'conv2', 'inception_3a', 'inception_3b', 'inception_4a']),
    'resnet': (['res3'], ['conv1', 'res2', 'res3', 'res4']),
    'squeezenet': (['fire4'], ['conv1', 'fire2', 'fire3', 'fire4', 'fire5']),
}
# Random filters say less and less about a picture the deeper they are.
RANDOM_LAYERS = (['conv3_1'], ['conv1_1', 'conv2_1', 'conv3_1', 'conv4_1'])
NO_WEIGHTS = ('a network has to say what content and style are: give --weights FILE.npz, of the network --model, or '
              '--caffe PROTOTXT CAFFEMODEL, best those that the authors of VGG-19 have published; or --random-weights, '
              'to try it without any. docs/howto/style_transfer.md says where weights come from.')


def add_arguments(parser: argparse.ArgumentParser, model: str) -> None:
    """Adds the options to a parser.

    Args:
        parser: The parser.
        model: The network by default.
    """
    add = parser.add_argument_group('the network that looks at pictures').add_argument
    add('--weights', metavar='FILE', help='its weights, .npz')
    add('--caffe', nargs=2, metavar=('PROTOTXT', 'CAFFEMODEL'), help='a network of Caffe instead')
    add('--random-weights', action='store_true', help='no weights but random numbers instead')
    add('--model', default=model, choices=models.names('images'), metavar='NAME',
        help='a network of the zoo, such as vgg19, vgg16, nin, googlenet, resnet50 (default: %(default)s)')
    add('--content-layers', nargs='+', metavar='LAYER',
        help='layers for the content (default: those of the paper for VGG, similar ones for others)')
    add('--style-layers', nargs='+', metavar='LAYER', help='layers for the style (default: likewise)')
    add('--pooling', choices=['max', 'average'], default='average',
        help='how VGG makes pictures smaller; the paper recommends average (default: %(default)s)')


def load_loss(arguments: argparse.Namespace, styled: bool = True, layers: Usual | None = None) -> models.PerceptualLoss:
    """Makes the loss that the options describe.

    Args:
        arguments: The command line.
        styled: Whether it has a part for the style.
        layers: Usual layers that take the place of some in `LAYERS`.

    Raises:
        OSError: A file cannot be read.
        ValueError: Options contradict each other, no weights are given, or they do not fit the network.
    """
    given = [bool(arguments.weights), bool(arguments.caffe), arguments.random_weights]
    if sum(given) > 1:
        raise ValueError('expected one of --weights, --caffe and --random-weights, got several')
    if not any(given):
        raise ValueError(NO_WEIGHTS)
    usual = {**LAYERS, **(layers or {})}
    if arguments.caffe:
        from autograd_nn import caffe  # it needs protobuf

        network: Any = caffe.load(*arguments.caffe)
        content, style = choose_layers(arguments, network.blob_names, usual)
        preprocessing = models.CAFFE
    else:
        network, content, style = load_from_zoo(arguments, usual)
        preprocessing = network.preprocessing
    network.to_device(autograd_nn.get_device(arguments.device))
    features = models.FeatureExtractor(network, preprocessing)
    return models.PerceptualLoss(features, content, style if styled else [])


def load_from_zoo(arguments: argparse.Namespace, usual: Usual) -> tuple[Any, list[str], list[str]]:
    """The network that --model names, and its layers for content and style."""
    vgg = {'average_pooling': arguments.pooling == 'average'} if arguments.model.startswith('vgg') else {}
    network: Any = models.create(arguments.model, **vgg)
    content, style = choose_layers(arguments, network.available_layers, usual)
    settle(network, [*content, *style])
    if arguments.weights:
        load_weights(arguments.weights, network)
    return network, content, style


def choose_layers(arguments: argparse.Namespace, available: list[str],
                  usual: Usual) -> tuple[list[str], list[str]]:
    """The layers for content and style: those that were asked for, or good ones.

    Args:
        arguments: The command line.
        available: The names of the network's layers.
        usual: Usual layers, as in `LAYERS`.

    Raises:
        ValueError: There is no layer of a name, or no usual choice for this network.
    """
    content, style = arguments.content_layers, arguments.style_layers
    if not (content and style):
        pairs = [pair for name, pair in usual.items() if arguments.caffe or arguments.model.startswith(name)]
        if arguments.random_weights and arguments.model.startswith('vgg'):
            pairs = [RANDOM_LAYERS]
        pairs = [pair for pair in pairs if {*pair[0], *pair[1]} <= set(available)]
        if not pairs:
            raise ValueError('this network needs --content-layers and --style-layers; it has ' + ', '.join(available))
        content, style = content or pairs[0][0], style or pairs[0][1]
    unknown = [name for name in [*content, *style] if name not in available]
    if unknown:
        raise ValueError(f'there is no layer {", ".join(unknown)}; expected some of {", ".join(available)}')
    return content, style


def settle(network: Any, layers: list[str]) -> None:
    """Lets a network find out the shapes of its parameters, as far as some layers need it."""
    with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
        network.extract(np.zeros((1, 3, 64, 64), np.float32), layers)


def load_weights(path: str, network: Chain) -> None:
    """Loads the weights of the layers that are needed, which must be there; a file may have others, or lack them.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or has the weights of another network.
    """
    needed = {name[1:] for name, param in network.namedparams() if param.is_initialized}
    with about('--weights'):
        report = serializers.load_matching(path, network, path_of_network(path))
    lacking = sorted(needed.intersection([*report.missing, *report.other_shape]))
    if lacking:
        raise ValueError(f'--weights: {path} does not fit --model: it lacks {len(lacking)} of the {len(needed)} arrays '
                         f'that are needed, or has them in other shapes, such as {lacking[0]}')
