"""Rectifiers that other functions compute of their own results: as the last step of a convolution, a sum, …"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise
from autograd_nn.functions.scaling import Scaling
from autograd_nn.types import Activation, Array
from autograd_nn.variable import Variable

CEILINGS: dict[Callable[..., Variable], float] = {}
"""Which functions are rectifiers that may be fused, and their upper bounds; they are entered where they are defined."""


@elementwise('T x0, T x1', 'T y', 'const T s = x0 + x1; y = s < (T)0 ? (T)0 : s', name='add_relu')
def add_relu(x0: Array, x1: Array) -> Any:
    """The rectified sum of two arrays."""
    y = x0 + x1
    return np.maximum(y, np.zeros((), y.dtype))


@elementwise('T y, T gy', 'T gx', 'gx = y <= (T)0 ? (T)(gy * (T)0) : gy', name='relu_grad')
def _relu_grad(y: Array, gy: Array) -> Any:
    # Where the output is not a number, the gradient shows, too.
    gx = (~(y <= 0)).astype(gy.dtype)
    gx *= gy
    return gx


@elementwise('T y, T z, T gy', 'T gx', 'gx = y > (T)0 && y < z ? gy : (T)(gy * (T)0)', name='clipped_relu_grad')
def clipped_relu_grad(y: Array, z: Array, gy: Array) -> Any:
    """The gradient `gy` of a rectifier with the ceiling `z`, whose output is `y`."""
    return gy * ((y > 0) & (y < z))


def ceiling_of(function: str, activation: Activation | None) -> float | None:
    """The upper bound of the rectifier that `function` is to compute of its result itself, None for no rectifier.

    Raises:
        ValueError: `activation` is neither None nor `relu` nor `relu6`.
    """
    if activation is None:
        return None
    ceiling = _ceiling(activation)
    if ceiling is None:
        raise ValueError(f'{function}: expected activation None, functions.relu or functions.relu6, got {activation!r}')
    return ceiling


def is_relu(function: str, activation: Activation | None) -> bool:
    """Whether `function` is to compute `relu` of its result itself.

    Raises:
        ValueError: `activation` is neither None nor `relu`.
    """
    if activation is None:
        return False
    if _ceiling(activation) != math.inf:
        raise ValueError(f'{function}: expected activation None or functions.relu, got {activation!r}')
    return True


def _ceiling(activation: Activation | None) -> float | None:
    return next((ceiling for rectifier, ceiling in CEILINGS.items() if activation is rectifier), None)


def relu_grad(y: Array, gy: Array) -> Variable:
    """The gradient `gy` of a rectifier's output, an array `y`, carried on to its input."""
    return Scaling(_relu_grad, y).apply((gy,))[0]


def rectifier_grad(y: Array, gy: Array, ceiling: float | None) -> Variable:
    """The gradient `gy` of a rectifier's output, an array `y`, carried on to its input (see `ceiling_of`)."""
    if ceiling is None:
        return gy
    if math.isinf(ceiling):
        return relu_grad(y, gy)
    return Scaling(clipped_relu_grad, y, ceiling).apply((gy,))[0]
