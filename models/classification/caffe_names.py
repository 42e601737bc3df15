"""The names that layers of the zoo's networks have in the networks that were published for Caffe."""
from __future__ import annotations

from collections.abc import Iterable

from autograd_nn.models.classification.resnet import DEPTHS
from autograd_nn.models.classification.vgg import CONVOLUTIONS
from autograd_nn.models.preprocessing import CAFFE, Preprocessing

Names = dict[str, tuple[str, ...]]


def _same(paths: Iterable[str]) -> Names:
    return {path: (path,) for path in paths}


def _name_vgg(n_layers: int) -> Names:
    convolutions = [f'conv{i}_{j}' for i, count in enumerate(CONVOLUTIONS[n_layers], start=1)
                    for j in range(1, count + 1)]
    return _same([*convolutions, 'fc6', 'fc7', 'fc8'])


def _name_nin() -> Names:
    layers = ['conv1', 'cccp1', 'cccp2', 'conv2', 'cccp3', 'cccp4', 'conv3', 'cccp5', 'cccp6', 'conv4-1024',
              'cccp7-1024', 'cccp8-1024']
    return {f'mlpconv{i // 3 + 1}/{i % 3}': (layer,) for i, layer in enumerate(layers)}


def _name_googlenet() -> Names:
    inception = {'conv1': '1x1', 'proj3': '3x3_reduce', 'conv3': '3x3', 'proj5': '5x5_reduce', 'conv5': '5x5',
                 'projp': 'pool_proj'}
    names: Names = {'conv1': ('conv1/7x7_s2',), 'conv2_reduce': ('conv2/3x3_reduce',), 'conv2': ('conv2/3x3',)}
    for module in '3a', '3b', '4a', '4b', '4c', '4d', '4e', '5a', '5b':
        names |= {f'inc{module}/{link}': (f'inception_{module}/{layer}',) for link, layer in inception.items()}
    for head in 'loss1', 'loss2':
        names |= {f'{head}_{link}': (f'{head}/{layer}',)
                  for link, layer in (('conv', 'conv'), ('fc1', 'fc'), ('fc2', 'classifier'))}
    return {**names, 'loss3_fc': ('loss3/classifier',)}


def _name_squeezenet() -> Names:
    fires = {f'fire{i}/{link}': (f'fire{i}/{layer}',) for i in range(2, 10)
             for link, layer in (('squeeze', 'squeeze1x1'), ('expand1x1', 'expand1x1'), ('expand3x3', 'expand3x3'))}
    return {'conv1': ('conv1',), **fires, 'conv10': ('conv10',)}


def _name_resnet(n_layers: int) -> Names:
    names: Names = {'conv1': ('conv1',), 'bn1': ('bn_conv1', 'scale_conv1')}
    for stage, depth in enumerate(DEPTHS[n_layers], start=2):
        for i in range(depth):
            # Blocks have letters, but numbers in the long stages of the deeper networks.
            letter = f'b{i}' if i and n_layers > 50 and stage in (3, 4) else 'abcdef'[i]
            for number, branch in enumerate(['2a', '2b', '2c', *(['1'] if i == 0 else [])], start=1):
                path, layer = f'res{stage}/{f"b{i}" if i else "a"}', f'{stage}{letter}_branch{branch}'
                names |= {f'{path}/conv{number}': (f'res{layer}',),
                          f'{path}/bn{number}': (f'bn{layer}', f'scale{layer}')}
    return {**names, 'fc6': ('fc1000',)}


def _name_se_resnet(n_layers: int) -> Names:
    def normalized(path: str, number: int, layer: str) -> Names:
        return {f'{path}conv{number}': (layer,), f'{path}bn{number}': (f'{layer}/bn', f'{layer}/bn/scale')}

    names = normalized('', 1, 'conv1/7x7_s2')
    for stage, depth in enumerate(DEPTHS[n_layers], start=2):
        for i in range(depth):
            path, block = f'res{stage}/{f"b{i}" if i else "a"}/', f'conv{stage}_{i + 1}'
            for number, part in enumerate(['1x1_reduce', '3x3', '1x1_increase', *(['1x1_proj'] if i == 0 else [])], 1):
                names |= normalized(path, number, f'{block}_{part}')
            names |= {f'{path}se/{link}': (f'{block}_1x1_{link}',) for link in ('down', 'up')}
    return {**names, 'fc6': ('classifier',)}


CAFFE_NAMES: dict[str, Names] = {
    'alexnet': _same(['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']),
    'googlenet': _name_googlenet(),
    'nin': _name_nin(),
    'resnet50': _name_resnet(50),
    'resnet101': _name_resnet(101),
    'resnet152': _name_resnet(152),
    'se_resnet50': _name_se_resnet(50),
    'squeezenet1_0': _name_squeezenet(),
    'squeezenet1_1': _name_squeezenet(),
    'vgg11': _name_vgg(11),
    'vgg13': _name_vgg(13),
    'vgg16': _name_vgg(16),
    'vgg19': _name_vgg(19),
}
"""For networks of the zoo that were published for Caffe: for each link with weights its path, and the layers that have
its weights there; for batch normalization the layer of that name, and the one of the type Scale behind it. The last
link is the classifier."""

OPTIONAL = {'googlenet': ('loss1_', 'loss2_')}
"""How the paths of links start that a published file need not have: they take part in training only."""

PUBLISHED_PREPROCESSING: dict[str, Preprocessing] = {
    name: Preprocessing(mean=(104., 117., 123.), order=CAFFE.order) for name in ('squeezenet1_0', 'squeezenet1_1')}
"""What the weights expect that were published for Caffe, where the zoo's network expects something else."""
