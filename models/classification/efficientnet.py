"""EfficientNets: networks that were found by search, and scaled."""
from __future__ import annotations

from dataclasses import replace
from functools import partial

from PIL import Image

import autograd_nn.functions as F
from autograd_nn.models.classification.mobilenet import InvertedResidualNetwork, Row
from autograd_nn.models.preprocessing import TORCHVISION, Preprocessing
from autograd_nn.models.recipes import NORMALIZED
from autograd_nn.models.registry import register


class EfficientNet(InvertedResidualNetwork):
    """What the EfficientNets have in common: swish, squeeze and excitation, and stochastic depth."""

    activation = staticmethod(partial(F.swish, beta=1.0))
    squeeze: float | None = 0.25
    depth_ratio = 0.2
    conv_options = {'eps': 1e-3}


@register('efficientnet_b0', input_shape=(3, 224, 224), recipe=NORMALIZED)
class EfficientNetB0(EfficientNet):
    """EfficientNet-B0: the small network from which the others are scaled.

    5,288,548 parameters for 1000 classes. Reference: M. Tan, Q. V. Le, EfficientNet: Rethinking Model Scaling for
    Convolutional Neural Networks, 2019, https://arxiv.org/abs/1905.11946, table 1.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import EfficientNetB0
        >>> EfficientNetB0(num_classes=5)(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    preprocessing = replace(TORCHVISION, resample=Image.Resampling.BICUBIC)
    table = (Row(1, 3, 1, 16, 1), Row(6, 3, 2, 24, 2), Row(6, 5, 2, 40, 2), Row(6, 3, 2, 80, 3), Row(6, 5, 1, 112, 3),
             Row(6, 5, 2, 192, 4), Row(6, 3, 1, 320, 1))


@register('efficientnet_lite0', input_shape=(3, 224, 224), recipe=NORMALIZED)
class EfficientNetLite0(EfficientNet):
    """EfficientNet-Lite0: B0 for mobile devices, without squeeze and excitation, and with ReLU6 in place of swish.

    4,652,008 parameters for 1000 classes. Its authors' weights are TensorFlow's, and so is its padding. Reference: R.
    Liu, Higher accuracy on vision models with EfficientNet-Lite, 2020,
    https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import EfficientNetLite0
        >>> EfficientNetLite0(num_classes=5)(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    preprocessing = Preprocessing((127.,) * 3, (128.,) * 3, crop=224 / 256, resample=Image.Resampling.BICUBIC)
    activation = staticmethod(F.relu6)
    squeeze = None
    conv_options = {'eps': 1e-3, 'same': True}
    table = EfficientNetB0.table


@register('efficientnet_v2_s', input_shape=(3, 384, 384), recipe=NORMALIZED)
class EfficientNetV2S(EfficientNet):
    """EfficientNet v2-S: without depthwise convolutions in the first stages, where they are slow.

    21,458,488 parameters for 1000 classes. Reference: M. Tan, Q. V. Le, EfficientNetV2: Smaller Models and Faster
    Training, 2021, https://arxiv.org/abs/2104.00298, table 4.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import EfficientNetV2S
        >>> EfficientNetV2S(num_classes=5)(np.zeros((2, 3, 32, 32), 'f')).shape
        (2, 5)
    """

    insize = 384
    preprocessing = replace(TORCHVISION, crop=1.0)
    stem_channels = 24
    table = (Row(1, 3, 1, 24, 2, fused=True), Row(4, 3, 2, 48, 4, fused=True), Row(4, 3, 2, 64, 4, fused=True),
             Row(4, 3, 2, 128, 6), Row(6, 3, 1, 160, 9), Row(6, 3, 2, 256, 15))
