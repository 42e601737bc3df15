"""What the networks of the zoo are made of."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Chain, Link
from autograd_nn.sequential import fusible, run_layers
from autograd_nn.types import ArrayLike, InitializerLike
from autograd_nn.variable import Variable

Layer = Callable[..., Any]

# Layers whose inputs settle in the first call, with weights that suit the rectified units of deep networks.
he_convolution = partial(L.Convolution2D, None, initialW=initializers.HeNormal())
# The first layer where the values of pixels go from -128 to 127, with a standard deviation of about 64.
pixel_convolution = partial(L.Convolution2D, None, initialW=initializers.HeNormal(1 / 64))
he_linear = partial(L.Linear, None, initialW=initializers.HeNormal())
# Large layers behind the convolutions, and the last one, as in AlexNet: the first logits are small.
dense = partial(L.Linear, None, initialW=initializers.Normal(0.005))
logits_layer = partial(L.Linear, None, initialW=initializers.Normal(0.01))

# Caffe's constants, as the published weights of AlexNet are Caffe's; the paper has k = 2 and five times this alpha.
response_normalization = partial(F.local_response_normalization, n=5, k=1, alpha=1e-4 / 5, beta=0.75)


def rectified_logits_layer(num_classes: int) -> L.Convolution2D:
    """1 x 1 filters for logits that go through a ReLU: they start above 0, as negative ones would not be learned."""
    return he_convolution(num_classes, 1, initialW=initializers.Normal(0.01), initial_bias=1)


class StagedChain(Chain):
    """A chain that is a row of named stages, each a row of layers.

    It is to a `Sequential` what a Chain is to a ChainList: links have names, and so have the paths of their
    parameters. Layers that stand side by side are run side by side, so that neighbours such as a convolution and
    ``F.relu`` can be computed in one step.

    Example:
        >>> import numpy as np, autograd_nn.functions as F, autograd_nn.links as L
        >>> from autograd_nn.models.layers.blocks import StagedChain
        >>> model = StagedChain()
        >>> model.add_stage('conv1', conv1=L.Convolution2D(3, 8, 3, nobias=True), bn1=L.BatchNormalization(8),
        ...                 relu1=F.relu)
        >>> model.add_stage('fc2', L.Linear(None, 10))
        >>> model(np.zeros((2, 3, 9, 9), 'f')).shape
        (2, 10)
        >>> [path for path, param in model.namedparams()]
        ['/conv1/W', '/bn1/gamma', '/bn1/beta', '/fc2/W', '/fc2/b']
    """

    def __init__(self) -> None:
        super().__init__()
        # For each stage its layers: links by their names, so that a link which is replaced is replaced here, too.
        self._stages: dict[str, list[Layer | str]] = {}
        self._branches: set[str] = set()

    def add_stage(self, name: str, *layers: Layer, branch: bool = False, **named_layers: Layer) -> None:
        """Adds a stage behind the others.

        Args:
            name: Its name.
            layers: Its layers: functions, and at most one link, which becomes a child with the name of the stage.
            branch: Whether what it returns goes nowhere else: the next stage takes the same input as this one.
            named_layers: Further layers; links among them become children of these names.

        Raises:
            AttributeError: There is an attribute with the name of a link.
            ValueError: There is a stage of this name.
        """
        if name in self._stages:
            raise ValueError(f'add_stage: there is a stage {name!r} already')
        stage: list[Layer | str] = []
        for link_name, layer in [*((name, layer) for layer in layers), *named_layers.items()]:
            if isinstance(layer, Link):
                self.add_link(link_name, layer)
            stage.append(link_name if isinstance(layer, Link) else layer)
        self._stages = {**self._stages, name: stage}
        if branch:
            self._branches = {*self._branches, name}

    def cut(self, last: str) -> None:
        """Removes what a stage does not need: the stages behind it, and the branches before it.

        Args:
            last: The stage, which becomes the last one.

        Raises:
            ValueError: There is no such stage.

        Example:
            >>> from autograd_nn.models import VGG
            >>> features = VGG(n_layers=11)
            >>> features.cut('conv2_1')
            >>> features.available_layers
            ['conv1_1', 'pool1', 'conv2_1', 'prob']
        """
        if last not in self._stages:
            raise ValueError(f'cut: {type(self).__name__} has no stage {last!r}; expected one of '
                             f'{", ".join(self._stages)}')
        names = list(self._stages)
        kept = [name for name in names[:names.index(last) + 1] if name == last or name not in self._branches]
        for name in set(names) - set(kept):
            for layer in self._stages[name]:
                if isinstance(layer, str):
                    delattr(self, layer)
        self._stages = {name: self._stages[name] for name in kept}
        self._branches = set()

    @property
    def functions(self) -> dict[str, list[Layer]]:
        """The layers of each stage."""
        return {name: [self[layer] if isinstance(layer, str) else layer for layer in stage]
                for name, stage in self._stages.items()}

    @property
    def main_stages(self) -> list[str]:
        """The names of the stages through which the input goes to the output: all but the branches."""
        return [name for name in self._stages if name not in self._branches]

    def run_stage(self, name: str, x: ArrayLike) -> Any:
        """Runs one stage, such as a branch.

        Args:
            name: The stage.
            x: Its input.
        """
        return run_layers(self.functions[name], x)

    def _layers_in_order(self) -> dict[str, list[Link]]:
        return {name: [layer for layer in layers if isinstance(layer, Link) and name not in self._branches]
                for name, layers in self.functions.items()}

    def forward(self, x: ArrayLike) -> Any:
        """Runs all stages but the branches."""
        # One row, so that no input of a stage is kept until the stage is done.
        return run_layers([layer for name, stage in self.functions.items() if name not in self._branches
                           for layer in stage], x)


def conv_bn(out_channels: int, ksize: int, stride: int = 1, pad: int | None = None, groups: int = 1,
            eps: float = 2e-5, decay: float = 0.9, initial_gamma: InitializerLike = None) -> tuple[Link, Link]:
    """A convolution without bias, and the batch normalization behind it.

    Args:
        out_channels: The number of output channels.
        ksize: The filters' height and width.
        stride: The distance between neighbouring positions of the filters.
        pad: The number of zeros on either side; by default as many as keep the size where the stride is 1.
        groups: The number of equal parts of channels that are convolved separately.
        eps: Added to the variance.
        decay: How much of the running averages each batch leaves.
        initial_gamma: Initial scale; 1 by default.
    """
    # An input is connected to the outputs of its own group only.
    he = initializers.HeNormal(groups ** 0.5, fan_option='fan_out')
    return (L.Convolution2D(None, out_channels, ksize, stride, ksize // 2 if pad is None else pad, nobias=True,
                            initialW=he, groups=groups),
            L.BatchNormalization(out_channels, decay, eps, initial_gamma=initial_gamma))


class ConvBN(StagedChain):
    """A convolution without bias, batch normalization, and an activation.

    Args:
        out_channels: The number of output channels.
        ksize: The filters' height and width.
        stride: The distance between neighbouring positions of the filters.
        activation: The activation; None for none.
        same: Whether to pad as TensorFlow does (see `same_padding`), which differs where the stride is not 1.
        options: Further arguments of `conv_bn`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.layers.blocks import ConvBN
        >>> block = ConvBN(16, 3, stride=2)
        >>> block(np.zeros((2, 3, 8, 8), 'f')).shape
        (2, 16, 4, 4)
        >>> [path for path, param in block.namedparams()]
        ['/conv/W', '/bn/gamma', '/bn/beta']
    """

    def __init__(self, out_channels: int, ksize: int, stride: int = 1, activation: Layer | None = F.relu,
                 same: bool = False, **options: Any) -> None:
        super().__init__()
        padding = [same_padding(ksize, stride)] if same and stride > 1 else []
        conv, bn = conv_bn(out_channels, ksize, stride, **{**options, 'pad': 0} if padding else options)
        layers: dict[str, Any] = {'bn': bn} if activation is None else {'bn': bn, 'activation': activation}
        self.add_stage('conv', *padding, conv, **layers)

    def _absorb(self, following: Sequence[Layer]) -> tuple[int, dict[str, Any]]:
        """Takes over a shortcut, so that it stands beside the convolution."""
        return (1, {'shortcut': following[0]}) if following and type(following[0]) is L.Shortcut else (0, {})

    @fusible(_absorb)
    def forward(self, x: ArrayLike, *, shortcut: L.Shortcut | None = None) -> Any:
        """Applies the layers, and `shortcut` if there is one."""
        return run_layers([*self.functions['conv'], *([] if shortcut is None else [shortcut])], x)


class SqueezeExcitation(StagedChain):
    """Scales each channel by a factor that the means of all channels decide.

    Reference: J. Hu, L. Shen, G. Sun, Squeeze-and-Excitation Networks, 2017, https://arxiv.org/abs/1709.01507.

    Args:
        channels: The number of channels.
        squeezed: The number of units between the means and the factors.
        activation: The activation of these units.
    """

    def __init__(self, channels: int, squeezed: int, activation: Layer = F.relu) -> None:
        super().__init__()
        self.add_stage('squeeze', global_average_pooling)
        self.add_stage('down', L.Linear(channels, squeezed), activation)
        self.add_stage('up', L.Linear(squeezed, channels), F.sigmoid)

    def forward(self, x: ArrayLike) -> Variable:
        """Scales `x` of shape (N, channels, H, W)."""
        return x * super().forward(x)[:, :, None, None]


def same_padding(ksize: int, stride: int) -> Layer:
    """A layer that puts zeros around images as TensorFlow's padding ``'SAME'`` does for the convolution that follows.

    Of an odd number of zeros more are below and on the right, so that networks with TensorFlow's weights see what they
    have learnt from; half of ``ksize`` on either side would shift all by a pixel.

    Args:
        ksize: The filters' height and width.
        stride: The distance between neighbouring positions of the filters: a size becomes that, divided by this and
            rounded up.
    """
    return partial(_pad_same, ksize=ksize, stride=stride)


def _pad_same(x: ArrayLike, ksize: int, stride: int) -> Variable:
    totals = [max(0, (-(-size // stride) - 1) * stride + ksize - size) for size in x.shape[2:]]
    return F.pad(x, [(0, 0), (0, 0), *((total // 2, total - total // 2) for total in totals)])


def max_pooling(ksize: int, stride: int | None = None, pad: int = 0) -> Layer:
    """A layer that takes the maximum of each window, the last of which may reach over the edge, as in Caffe.

    Args:
        ksize: The height and width of the windows.
        stride: Their distance; by default their size.
        pad: The width of the padding.
    """
    return partial(F.max_pooling_2d, ksize=ksize, stride=stride, pad=pad)


def global_average_pooling(x: ArrayLike) -> Variable:
    """The mean of each channel: from shape (N, C, H, W) to (N, C)."""
    return F.mean(x, axis=(2, 3))
