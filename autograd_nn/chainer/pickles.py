"""Models that Chainer has pickled, from its first version with links (1.5) to its last.

An `.npz` file is the better way to keep weights; but pickles are what many an old program has left.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn import links, optimizer, variable
from autograd_nn.backend import CpuDevice
from autograd_nn.config import get_dtype
from autograd_nn.geometry import as_tuple
from autograd_nn.initializers import Initializer, get_initializer
from autograd_nn.link import ChainList, Link
from autograd_nn.variable import Parameter, Variable

# What Chainer's objects carry beside what ours need.
_UNUSED = ('_cpu', '_device_id', '_overridden_to_methods', '_Link__init_done', '_within_init_scope', 'name',
           '_uninitialized_params', 'use_cudnn', 'deterministic', 'wscale')


class _Hookable:
    """What Chainer's update rules keep their hooks in."""


def install() -> None:
    """Lets pickles of Chainer be read."""
    Initializer.rng = None  # initializers had none before Chainer 6
    vars(optimizer).setdefault('_Hookable', _Hookable)
    vars(variable).update(_recover_parameter=_recover_parameter, _create_variable=_create_variable)
    if '__setstate__' not in vars(Link):
        Link.__setstate__ = _restore_link  # type: ignore[attr-defined]
        Variable.__setstate__ = _restore_variable(Variable.__setstate__)  # type: ignore[method-assign]


def _recover_parameter(data: Any, name: str | None, grad: Any, *rest: Any) -> Parameter:
    """What Chainer 2 to 7 have pickled of a parameter.

    What an optimizer remembered of it is left out, and gradients that nobody has computed, which Chainer fills with
    NaN.

    Args:
        data: The array, or None.
        name: The name.
        grad: The gradient, or None.
        rest: The initializer, the update rule and, since version 6, the device; in version 7 whether the gradient is
            valid comes before them.
    """
    is_valid, initializer = rest[:2] if len(rest) == 4 else (True, rest[0])
    param = Parameter(initializer if data is None else data, name=name)
    param.initializer = initializer
    if grad is not None and is_valid and not np.isnan(grad).all():
        param.grad = grad
    return param


def _create_variable(data: Any, name: str | None, grad: Any, requires_grad: bool, device: Any = None) -> Variable:
    """What Chainer 2 to 7 have pickled of a Variable."""
    return Variable(data, name=name, grad=grad, requires_grad=requires_grad)


def _restore_variable(otherwise: Any) -> Any:
    """Makes the `__setstate__` of Variables that knows those of Chainer 1."""
    def restore(self: Variable, state: dict[str, Any]) -> None:
        if '_data' in state:
            data, grad = state['_data'], state.get('_grad')
            data, grad = [value[0] if isinstance(value, list) else value for value in (data, grad)]
            Variable.__init__(self, data, name=state.get('name'), grad=grad)
        else:
            otherwise(self, state)

    return restore


def _restore_link(self: Link, state: dict[str, Any]) -> None:
    """Takes the attributes of a pickled link, which may be one of Chainer."""
    if isinstance(state['_params'], dict):
        self.__dict__.update(state)
        return
    waiting = state.get('_uninitialized_params', {})
    state = {name: value for name, value in state.items() if name not in _UNUSED}
    for names in '_params', '_persistent', '_children':
        if isinstance(state.get(names), (set, list)) and all(isinstance(name, str) for name in state[names]):
            state[names] = dict.fromkeys(sorted(state[names]))
    if isinstance(self, ChainList):
        state['_children'] = list(state['_children'])
    for name in [*state['_params'], *waiting]:
        state['_params'][name] = None
        state[name] = _as_parameter(state.get(name), name, state)
    state['_device'] = CpuDevice()
    self.__dict__.update(state)
    _complete(self)


def _as_parameter(value: Any, name: str, state: dict[str, Any]) -> Parameter:
    """The parameter of a link of Chainer 1, where it was a Variable, or nothing yet."""
    if isinstance(value, Parameter):
        return value
    if value is None:
        return Parameter(state.get('_W_initializer' if name == 'W' else '_initial_bias'), name=name)
    return Parameter(value.array, name=name)


def _complete(link: Any) -> None:
    """Gives a link the attributes that the class has here, and that Chainer did not need or had in another form."""
    state = link.__dict__
    if 'ksize' in state:
        if not isinstance(link, links.DepthwiseConvolution2D):
            state.setdefault('ndim', 2)
            state.update({'groups': 1, 'cover_all': False, **state})
        for name, usual, least in ('ksize', 1, 1), ('stride', 1, 1), ('pad', 0, 0), ('dilate', 1, 1):
            state[name] = as_tuple(state.get(name, usual), state.get('ndim', 2), 'pickle', name, least)
    elif isinstance(link, links.BatchNormalization):
        state['dtype'] = get_dtype(link.avg_mean.dtype if state.get('dtype') is None else state['dtype'], np.float32)
        state['_initial_averages'] = [get_initializer(default if state.get(name) is None else state[name])
                                      for name, default in (('_initial_avg_mean', 0), ('_initial_avg_var', 1))]
        state.setdefault('axis', None)
