"""Initializers with independent random values, whose width may depend on the layer's connections."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.initializers.initializer import Initializer, get_fans
from autograd_nn.types import DTypeLike, RandomNumbers


class Normal(Initializer):
    """Fills with numbers of the normal distribution around 0.

    Args:
        scale: The standard deviation.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: See `Initializer`.
    """

    def __init__(self, scale: float = 0.05, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        self.scale = scale
        super().__init__(dtype, rng)

    def deviation(self, shape: tuple[int, ...]) -> float:
        """The standard deviation for weights of a shape."""
        return self.scale

    def values(self, shape: tuple[int, ...]) -> Any:
        return self.random.normal(0.0, self.deviation(shape), shape)


class LeCunNormal(Normal):
    """`Normal` with the deviation ``scale * sqrt(1 / fan_in)``: outputs vary as the inputs do. Links' default.

    LeCun et al., Efficient BackProp (1998).

    Args:
        scale: A factor.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: See `Initializer`.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> W = np.empty((300, 400), 'f')
        >>> ann.initializers.LeCunNormal()(W)
        >>> print(f'{W.std():.3f}')
        0.050
    """

    def __init__(self, scale: float = 1.0, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        super().__init__(scale, dtype, rng)

    def deviation(self, shape: tuple[int, ...]) -> float:
        return self.scale * math.sqrt(1 / get_fans(shape)[0])


class GlorotNormal(Normal):
    """`Normal` with the deviation ``scale * sqrt(2 / (fan_in + fan_out))``, also called Xavier.

    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).

    Args:
        scale: A factor.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: See `Initializer`.
    """

    def __init__(self, scale: float = 1.0, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        super().__init__(scale, dtype, rng)

    def deviation(self, shape: tuple[int, ...]) -> float:
        return self.scale * math.sqrt(2 / sum(get_fans(shape)))


class HeNormal(Normal):
    """`Normal` with the deviation ``scale * sqrt(2 / fan)``, for layers with ReLU.

    He et al., Delving deep into rectifiers (2015), https://arxiv.org/abs/1502.01852.

    Args:
        scale: A factor.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        fan_option: ``'fan_in'`` keeps the width of what goes forward, ``'fan_out'`` of what comes back.
        rng: See `Initializer`.

    Raises:
        ValueError: Unknown `fan_option`.
    """

    def __init__(self, scale: float = 1.0, dtype: DTypeLike | None = None, fan_option: str = 'fan_in',
                 rng: RandomNumbers | None = None) -> None:
        if fan_option not in ('fan_in', 'fan_out'):
            raise ValueError(f"HeNormal: expected fan_option 'fan_in' or 'fan_out', got {fan_option!r}")
        self.fan_option = fan_option
        super().__init__(scale, dtype, rng)

    def deviation(self, shape: tuple[int, ...]) -> float:
        fan_in, fan_out = get_fans(shape)
        return self.scale * math.sqrt(2 / (fan_in if self.fan_option == 'fan_in' else fan_out))


class Uniform(Initializer):
    """Fills with numbers of the uniform distribution from ``-scale`` to ``scale``.

    Args:
        scale: The bound.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: See `Initializer`.
    """

    def __init__(self, scale: float = 0.05, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        self.scale = scale
        super().__init__(dtype, rng)

    def bound(self, shape: tuple[int, ...]) -> float:
        """The bound for weights of a shape."""
        return self.scale

    def values(self, shape: tuple[int, ...]) -> Any:
        bound = self.bound(shape)
        return self.random.uniform(-bound, bound, shape)


class LeCunUniform(Uniform):
    """`Uniform` with the bound ``scale * sqrt(3 / fan_in)``: the variance of `LeCunNormal`.

    Args:
        scale: A factor.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: See `Initializer`.
    """

    def __init__(self, scale: float = 1.0, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        super().__init__(scale, dtype, rng)

    def bound(self, shape: tuple[int, ...]) -> float:
        return self.scale * math.sqrt(3 / get_fans(shape)[0])


class GlorotUniform(Uniform):
    """`Uniform` with the bound ``scale * sqrt(6 / (fan_in + fan_out))``: the variance of `GlorotNormal`.

    Args:
        scale: A factor.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: See `Initializer`.
    """

    def __init__(self, scale: float = 1.0, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        super().__init__(scale, dtype, rng)

    def bound(self, shape: tuple[int, ...]) -> float:
        return self.scale * math.sqrt(6 / sum(get_fans(shape)))


class HeUniform(Uniform):
    """`Uniform` with the bound ``scale * sqrt(6 / fan_in)``: the variance of `HeNormal`.

    Args:
        scale: A factor.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: See `Initializer`.
    """

    def __init__(self, scale: float = 1.0, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        super().__init__(scale, dtype, rng)

    def bound(self, shape: tuple[int, ...]) -> float:
        return self.scale * math.sqrt(6 / get_fans(shape)[0])
