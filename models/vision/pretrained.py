"""What Chainer's pretrained networks have in common."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import autograd_nn.functions as F
from autograd_nn import serializers
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset import get_dataset_directory
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import Layer
from autograd_nn.models.preprocessing import Picture, Preprocessing, as_picture, prepare_all
from autograd_nn.types import ArrayLike, PathLike
from autograd_nn.variable import Variable

CACHE = 'pfnet/chainer/models'


class Published(NamedTuple):
    """Weights that somebody has published.

    Attributes:
        name: The name of the network in the zoo.
        file: The name of their file, without suffix.
        source: Where they come from.
    """

    name: str
    file: str
    source: str


class PretrainedLayers(ImageNetwork):
    """A network of the zoo that is made, called and asked for features in the way of Chainer.

    Attributes:
        published: The weights for ``pretrained_model='auto'``.
        features: The layers that `extract` returns where none are named.
    """

    published: Published
    features: tuple[str, ...] = ('pool5',)

    def load_pretrained(self, pretrained_model: PathLike | None) -> None:
        """Loads weights.

        Args:
            pretrained_model: An ``.npz`` file of Chainer or of this framework, or a ``.caffemodel``; ``'auto'`` for one
                of these in the directory of data sets; None for none.

        Raises:
            OSError: There is no such file.
            ValueError: It is damaged, or does not fit.
        """
        if pretrained_model is None:
            return
        path = self._find_published() if pretrained_model == 'auto' else Path(pretrained_model)
        if path.suffix == '.caffemodel':
            self.load_caffemodel(path)
        else:
            serializers.load_npz(path, self)

    def _find_published(self) -> Path:
        directory = Path(get_dataset_directory(CACHE, create_directory=False))
        _, name, source = self.published
        for path in directory / f'{name}.npz', directory / f'{name}.caffemodel':
            if path.is_file():
                return path
        raise FileNotFoundError(
            f"{type(self).__name__}: pretrained_model='auto' expects {name}.caffemodel, or the {name}.npz that Chainer "
            f'has made of it, in {directory}, and there is neither; get it from {source} and put it there, or give its '
            'path, or None for weights that are yet to be trained')

    def load_caffemodel(self, path: PathLike) -> None:
        """Loads the published weights in Caffe's format.

        Args:
            path: The ``.caffemodel``.

        Raises:
            OSError: There is no such file.
            ValueError: It is damaged, or has the weights of another network.
        """
        from autograd_nn.models.classification.caffe_weights import load_caffemodel

        load_caffemodel(path, self, self.published.name)

    @classmethod
    def convert_caffemodel_to_npz(cls, path_caffemodel: PathLike, path_npz: PathLike) -> None:
        """Converts the published weights to a file that the constructor takes.

        Args:
            path_caffemodel: The ``.caffemodel``.
            path_npz: The ``.npz`` file to write.

        Raises:
            OSError: A file cannot be read or written.
            ValueError: The ``.caffemodel`` is damaged, or has the weights of another network.
        """
        model: Any = cls(None)  # type: ignore[call-arg]
        model.load_caffemodel(path_caffemodel)
        serializers.save_npz(path_npz, model, compression=False)

    @property
    def functions(self) -> dict[str, list[Layer]]:
        """The layers of each stage: from the image to the probabilities, then those of branches."""
        stages = super().functions
        main = {name: layers for name, layers in stages.items() if name not in self._branches}
        return {**main, 'prob': [F.softmax], **stages}

    @property
    def available_layers(self) -> list[str]:
        """The names that `extract` knows."""
        return list(self.functions)

    def forward(self, x: ArrayLike, layers: Sequence[str] | None = None) -> Any:
        """Computes what layers return.

        Args:
            x: Prepared images, of shape (N, 3, H, W).
            layers: Names out of `available_layers`; the probabilities, ``['prob']``, by default.

        Returns:
            A dictionary of Variables by these names.

        Raises:
            ValueError: There is no layer of that name.
        """
        return super().extract(x, ['prob'] if layers is None else layers)

    def extract(self, images: Iterable[Picture], layers: Sequence[str] | None = None,
                size: int | tuple[int, int] | None = (224, 224)) -> dict[str, Variable]:
        """Computes features of pictures.

        It follows the configuration: for features, switch to test mode and record no graph.

        Args:
            images: Pictures (see `prepare`).
            layers: Names out of `available_layers`; `features` by default.
            size: The width and height to which pictures are scaled; None leaves them as they are.

        Returns:
            A dictionary of Variables by these names.

        Raises:
            OSError: A picture is missing or damaged.
            TypeError: `images` is one picture instead of several.
            ValueError: There is no layer of that name, or there are no pictures.
        """
        x = self.device.send(self._prepare_all(images, size))
        return self.forward(x, self.features if layers is None else layers)

    def predict(self, images: Iterable[Picture],  # type: ignore[override]
                oversample: bool = True) -> Variable:
        """Computes class probabilities, in test mode and without a graph.

        Args:
            images: Pictures (see `prepare`).
            oversample: Whether to average over ten sections of each picture: its corners, its centre, and their mirror
                images. Otherwise there is the centre alone.

        Returns:
            Probabilities of shape (N, 1000).
        """
        x = self._prepare_all(images, (256, 256))
        sections = ten_sections(x, 224) if oversample else x[:, None, :, 16:240, 16:240]
        with using_config('train', False), no_backprop_mode():
            p = self.forward(self.device.send(np.concatenate(sections)))['prob']
            return F.mean(F.reshape(p, (*sections.shape[:2], -1)), axis=1)

    def _prepare_all(self, images: Iterable[Picture], size: int | tuple[int, int] | None) -> np.ndarray:
        return prepare_all(images, lambda image: prepare(self.preprocessing, image, size))


def prepare(preprocessing: Preprocessing, image: Any, size: int | tuple[int, int] | None) -> np.ndarray:
    """Turns a picture into the array that published weights expect, with Chainer's meaning of the size.

    Args:
        preprocessing: What the weights expect.
        image: A path, a picture of Pillow, or an array of shape (H, W, 3), (3, H, W), (1, H, W) or (H, W), red, green
            and blue from 0 to 255.
        size: Width and height of the result, or one number for both; None leaves the picture as it is.

    Returns:
        A float32 array of shape (3, height, width).
    """
    picture: Image.Image = as_picture(image.astype(np.uint8) if isinstance(image, np.ndarray) else image)
    width, height = picture.size if size is None else (size, size) if isinstance(size, int) else size
    return preprocessing(picture, (height, width))


def ten_sections(x: np.ndarray, size: int) -> np.ndarray:
    """Cuts corners and centre out of pictures, and mirrors them.

    Args:
        x: Pictures of shape (N, C, H, W).
        size: The height and width of the sections.

    Returns:
        An array of shape (N, 10, C, size, size).
    """
    bottom, right = x.shape[2] - size, x.shape[3] - size
    sections = [x[:, :, top:top + size, left:left + size] for top, left in (
        (0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2))]
    return np.stack([*sections, *(section[..., ::-1] for section in sections)], axis=1)
