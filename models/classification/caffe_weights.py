"""From weights that were published for Caffe to networks of the zoo."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.links as L
from autograd_nn import caffe
from autograd_nn.link import Link
from autograd_nn.models import registry
from autograd_nn.models.classification.caffe_names import CAFFE_NAMES, OPTIONAL, PUBLISHED_PREPROCESSING
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.serializers.npz import load_link
from autograd_nn.types import PathLike

ArraysByKey = dict[str, np.ndarray]


def load_caffemodel(path: PathLike, network: ImageNetwork, name: str) -> None:
    """Loads weights that were published for Caffe into a network.

    Args:
        path: The ``.caffemodel``.
        network: The network; it stays as it is if an error is raised.
        name: Its name in the zoo, one of `CAFFE_NAMES`.

    Raises:
        OSError: There is no such file.
        ValueError: It is damaged, or has the weights of another network.
    """
    PublishedWeights(name, *caffe.read_caffemodel(path), path).load_into(network)


def create_from_caffemodel(path: PathLike, name: str) -> ImageNetwork:
    """Makes a network of the zoo with weights that were published for Caffe, and as many classes as they have.

    Args:
        path: The ``.caffemodel``.
        name: The name of the network in the zoo, one of `CAFFE_NAMES`.

    Returns:
        The network.

    Raises:
        OSError: There is no such file.
        ValueError: It is damaged, or has the weights of another network.
    """
    return PublishedWeights(name, *caffe.read_caffemodel(path), path).create()


class PublishedWeights:
    """The weights of a network for Caffe whose layers are those of a network in the zoo.

    Args:
        name: The name of the network in the zoo, one of `CAFFE_NAMES`.
        net: The network for Caffe, as `caffe.read_caffemodel` returns it.
        blobs: Its weights, likewise.
        path: What errors call the file.

    Raises:
        ValueError: These are the weights of another network.
    """

    def __init__(self, name: str, net: Any, blobs: dict[str, list[np.ndarray]], path: PathLike) -> None:
        if name not in CAFFE_NAMES:
            raise ValueError(f'expected one of {", ".join(CAFFE_NAMES)}; got {name!r}')
        self.name = name
        self.path = path
        self.blobs = blobs
        self.layers = {layer.name: layer for layer in net.layer}
        self._names = {link: layers for link, layers in CAFFE_NAMES[name].items()
                       if layers[0] in blobs or not link.startswith(OPTIONAL.get(name, ()))}
        self._check_names()

    def create(self) -> ImageNetwork:
        """Makes the network, with these weights and as many classes as they have.

        Raises:
            ValueError: The weights do not fit.
        """
        *_, (classifier,) = self._names.values()
        network: Any = registry.create(self.name, num_classes=len(self._filters(classifier)))
        self.load_into(network)
        return network

    def load_into(self, network: ImageNetwork) -> None:
        """Loads the weights into a network, which stays as it is if an error is raised.

        Args:
            network: The network, of the zoo or one with the same links.

        Raises:
            ValueError: The weights do not fit.
        """
        arrays: ArraysByKey = {}
        links = {path.strip('/'): link for path, link in network.namedlinks(skipself=True)}
        for path, layers in self._names.items():
            arrays |= {f'{path}/{key}': array for key, array in self._convert(links[path], layers).items()}
        published = PUBLISHED_PREPROCESSING.get(self.name)
        if published is not None:
            first, *_ = self._names
            arrays[f'{first}/W'], arrays[f'{first}/b'] = change_preprocessing(
                arrays[f'{first}/W'], arrays[f'{first}/b'], published, network.preprocessing)
        read = load_link(arrays, network, ignore_names=lambda key: key not in arrays)
        unread = [key for key in arrays if key not in read and arrays[key].any()]
        if unread:
            raise ValueError(f'{self.path} does not fit {self.name}, which has no {_some(unread)}')

    def _check_names(self) -> None:
        expected = [layer for layers in self._names.values() for layer in layers]
        missing = [layer for layer in expected if layer not in self.blobs or layer not in self.layers]
        others = [layer for layer in self.blobs if layer not in expected]
        if missing or others:
            parts = [f'it has {what} {_some(layers)}' for what, layers in (
                ('no layers', missing), ('further layers', others)) if layers]
            raise ValueError(f'{self.path} has the weights of another network than {self.name}: {", but ".join(parts)}')

    def _filters(self, layer: str) -> np.ndarray:
        """The weights of a convolution or a fully connected layer; its outputs are their first axis."""
        W = self.blobs[layer][0]
        if W.ndim < 2:
            raise ValueError(f'{self.path}: {layer}: expected weights of two axes or more, found shape {W.shape}')
        if self.layers[layer].type != 'InnerProduct':
            return W
        # The first version of the format has four axes for everything.
        W = W.reshape(W.shape[-2:])
        return W.T if self.layers[layer].inner_product_param.transpose else W

    def _convert(self, link: Link, layers: tuple[str, ...]) -> ArraysByKey:
        """The arrays of one link, by their names."""
        if isinstance(link, L.BatchNormalization):
            return self._convert_normalization(link, *layers)
        (layer,) = layers
        W, biases = self._filters(layer), self.blobs[layer][1:]
        assert isinstance(link, (L.Linear, L.Convolution2D))
        if isinstance(link, L.Linear):
            W = W.reshape(len(W), -1)
            self._check_shape(layer, W, (link.out_size, W.shape[1]))
        else:
            self._check_shape(layer, W, (link.out_channels, W.shape[1], *link.ksize))
        if not biases and link.b is None:
            return {'W': W}
        bias = biases[0].ravel() if biases else np.zeros(len(W), np.float32)
        self._check_shape(layer, bias, (len(W),))
        return {'W': W, 'b': bias}

    def _convert_normalization(self, link: L.BatchNormalization, layer: str, scale: str) -> ArraysByKey:
        if len(self.blobs[layer]) != 3:
            raise ValueError(f'{self.path}: {layer}: expected a mean, a variance and a factor, '
                             f'found {len(self.blobs[layer])} blobs')
        mean, variance, total = (blob.ravel() for blob in self.blobs[layer])
        factor: Any = 1 / total[:1] if total.any() else np.zeros(1, np.float32)
        gamma, *beta = (blob.ravel() for blob in self.blobs[scale])
        arrays = {'gamma': gamma, 'beta': beta[0] if beta else np.zeros_like(gamma), 'avg_mean': mean * factor,
                  # So that the sum with the constant that is added to it is the same.
                  'avg_var': variance * factor + np.float32(self.layers[layer].batch_norm_param.eps - link.eps)}
        for array in arrays.values():
            self._check_shape(layer, array, link.avg_mean.shape)
        return {**arrays, 'N': np.array(0)}

    def _check_shape(self, layer: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
        if array.shape != shape:
            raise ValueError(f'{self.path} does not fit {self.name}: {layer} has the shape {array.shape}, '
                             f'expected {shape}')


def change_preprocessing(W: np.ndarray, b: np.ndarray, published: Preprocessing, own: Preprocessing) -> tuple[Any, Any]:
    """Filters that see in pictures as one network expects them what other filters see as another one expects them.

    Args:
        W: Filters of a convolution without padding, of shape (out, 3, kh, kw).
        b: Its bias, of shape (out,).
        published: What those filters expect.
        own: What the new ones are to expect.

    Returns:
        The new filters and their bias.
    """
    # What a black pixel and a white one are.
    ends: Any = [preprocessing.normalize(np.full((3, 1, 1), value, np.float32)).ravel()
                 for preprocessing in (published, own) for value in (0, 1)]
    low, high, own_low, own_high = ends
    if published.order != own.order:
        W, low, high = W[:, ::-1], low[::-1], high[::-1]
    slope = (high - low) / (own_high - own_low)
    offset = low - slope * own_low
    return W * slope[:, None, None], b + np.einsum('ochw,c->o', W, offset)


def _some(names: list[str], limit: int = 6) -> str:
    return ', '.join(names[:limit]) + (f' and {len(names) - limit} more' if len(names) > limit else '')
