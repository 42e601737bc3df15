"""SqueezeNet: the accuracy of AlexNet with a fiftieth of the parameters."""
from __future__ import annotations

import autograd_nn.functions as F
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import (
    StagedChain,
    global_average_pooling,
    he_convolution,
    max_pooling,
    rectified_logits_layer,
)
from autograd_nn.models.preprocessing import TORCHVISION
from autograd_nn.models.recipes import PLAIN
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


@register('squeezenet1_0', input_shape=(3, 224, 224), recipe=PLAIN, version='1.0')
@register('squeezenet1_1', input_shape=(3, 224, 224), recipe=PLAIN, version='1.1')
class SqueezeNet(ImageNetwork):
    """SqueezeNet: AlexNet's accuracy with a fiftieth of its parameters.

    1,248,424 parameters (version 1.0) or 1,235,496 (version 1.1, with less than half the work) for 1000 classes.
    Reference: F. N. Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size,
    2016, https://arxiv.org/abs/1602.07360, table 1; version 1.1 is the authors' later release.

    Args:
        num_classes: The number of outputs.
        version: ``'1.0'`` or ``'1.1'``.

    Raises:
        ValueError: There is no such version.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import SqueezeNet
        >>> model = SqueezeNet(num_classes=5)
        >>> model(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    preprocessing = TORCHVISION

    def __init__(self, num_classes: int = 1000, version: str = '1.1') -> None:
        if version not in ('1.0', '1.1'):
            raise ValueError(f"SqueezeNet: expected version '1.0' or '1.1', got {version!r}")
        super().__init__()
        filters, ksize, pooled, self.minsize = (96, 7, (1, 4, 8), 21) if version == '1.0' else (64, 3, (1, 3, 5), 17)
        self.add_stage('conv1', he_convolution(filters, ksize, 2), F.relu)
        for i, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64), start=2):
            if i - 1 in pooled:
                self.add_stage(f'pool{i - 1}', max_pooling(3, 2))
            self.add_stage(f'fire{i}', Fire(squeeze))
        self.add_stage('conv10', F.dropout, rectified_logits_layer(num_classes), F.relu)
        self.add_stage('pool10', global_average_pooling)


class Fire(StagedChain):
    """Few 1 x 1 filters, then four times as many 1 x 1 and 3 x 3 filters side by side.

    Args:
        squeeze: The number of filters of the first layer.
    """

    def __init__(self, squeeze: int) -> None:
        super().__init__()
        self.add_stage('squeeze', he_convolution(squeeze, 1), F.relu)
        self.add_stage('expand1x1', he_convolution(4 * squeeze, 1), F.relu, branch=True)
        self.add_stage('expand3x3', he_convolution(4 * squeeze, 3, pad=1), F.relu, branch=True)

    def forward(self, x: ArrayLike) -> Variable:
        """Computes output of shape (N, 8 * squeeze, H, W) from input of shape (N, C, H, W)."""
        h = super().forward(x)
        return F.concat([self.run_stage(name, h) for name in ('expand1x1', 'expand3x3')])
