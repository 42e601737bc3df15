"""Optimizers: they own a model's update rules and call them, with hooks around."""
from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from autograd_nn import backend
from autograd_nn.config import MixedPrecision, config, mixed16
from autograd_nn.dtypes import is_half
from autograd_nn.link import Link
from autograd_nn.serializer import AbstractSerializer, serialize_if_there
from autograd_nn.update_rule import (
    Hooks,
    Hyperparameter,
    HyperparameterProxy,
    UpdateRule,
    set_gradient,
    update_parameters,
)
from autograd_nn.variable import Parameter, Variable

_logger = logging.getLogger(__name__)

__all__ = ['GradientMethod', 'Hyperparameter', 'HyperparameterProxy', 'Optimizer', 'UpdateRule']

_Optimizer = TypeVar('_Optimizer', bound='Optimizer')
_GradientMethod = TypeVar('_GradientMethod', bound='GradientMethod')


class Optimizer:
    """Base class of everything that fits a `Link`'s parameters. A subclass overrides `update`.

    Attributes:
        target: The link whose parameters are optimized.
        t: The number of updates so far.
        epoch: The number of epochs so far, counted by `new_epoch`.
        use_auto_new_epoch: Whether an updater calls `new_epoch`.
    """

    target: Any = None
    t = 0
    epoch = 0
    use_auto_new_epoch = False
    _hooks: Hooks | None = None
    _loss_scale: float | None = None
    _loss_scale_is_dynamic = False
    _loss_scale_growth = 1.0
    _overflow_ever = False
    _overflow = False
    _unchecked: Sequence[Any] | None = None
    # Whether something is true in any of the processes that train together; here, there is one.
    _is_true_anywhere: Callable[[bool], bool] = staticmethod(bool)

    def setup(self: _Optimizer, link: Link) -> _Optimizer:
        """Takes on a link: what is remembered of an earlier one, and the hooks, are forgotten.

        Args:
            link: The `Link` to optimize.

        Returns:
            This optimizer.

        Raises:
            TypeError: It is no link.
        """
        if not hasattr(link, 'namedparams'):
            raise TypeError(f'setup: expected a Link, got {type(link).__name__}')
        if not any(True for _ in link.params()):
            warnings.warn(f'setup: {type(link).__name__} has no parameters to optimize; links and parameters are '
                          'registered by assigning them inside "with self.init_scope():"', stacklevel=3)
        self.target = link
        self.t = 0
        self.epoch = 0
        self._hooks = Hooks()
        return self

    def update(self, lossfun: Callable[..., Variable] | None = None, *args: Any, **kwds: Any) -> None:
        """Updates the parameters once.

        Args:
            lossfun: Computes the loss.
            args: Its arguments.
            kwds: Its keyword arguments.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override update')

    def new_epoch(self, auto: bool = False) -> None:
        """Counts an epoch.

        Args:
            auto: Set by updaters that call this at the end of each epoch.

        Raises:
            RuntimeError: An updater counts the epochs already.
        """
        if auto:
            self.use_auto_new_epoch = True
        elif self.use_auto_new_epoch:
            raise RuntimeError('new_epoch: the updater counts the epochs already; create it with '
                               'auto_new_epoch=False to call this yourself')
        self.epoch += 1

    def add_hook(self, hook: Callable[..., Any], name: str | None = None, timing: str = 'auto') -> None:
        """Adds a hook, such as those in `autograd_nn.optimizer_hooks`, that is called in each update.

        Args:
            hook: Called with this optimizer or, if its ``call_for_each_param`` is true, with each parameter's rule
                and the parameter.
            name: Under which it is registered; by default its ``name`` or that of the function.
            timing: ``'pre'`` for between gradient and update, ``'post'`` for after the update, ``'auto'`` for the
                hook's ``timing``.

        Raises:
            RuntimeError: `setup` has not been called.
            KeyError: There is one of that name.
        """
        self._named_hooks('add_hook').add(hook, name, timing)

    def remove_hook(self, name: str) -> None:
        """Removes the hook of that name."""
        self._named_hooks('remove_hook').remove(name)

    def _named_hooks(self, caller: str) -> Hooks:
        if self._hooks is None:
            raise RuntimeError(f'{caller}: call setup(model) first')
        return self._hooks

    def call_hooks(self, timing: str = 'pre') -> None:
        """Calls all hooks of one timing in the order in which they were added.

        Args:
            timing: ``'pre'`` or ``'post'``.
        """
        for hook in self._named_hooks('call_hooks').hooks[timing].values():
            self.call_hook(hook)

    def call_hook(self, hook: Callable[..., Any]) -> None:
        """Calls a hook with this optimizer, or with each rule and its parameter (see `add_hook`)."""
        if not getattr(hook, 'call_for_each_param', False):
            hook(self)
            return
        for param in self._trained_params():
            hook(param.update_rule, param)

    def _trained_params(self) -> list[Parameter]:
        """The parameters that exist already and are not frozen."""
        return [param for param in self.target.params(False) if param.requires_grad and isinstance(param, Parameter)]

    def loss_scaling(self, interval: int = 1000, scale: float | None = None) -> None:
        """Has the loss scaled up before backpropagation, so that gradients in half precision do not vanish.

        The gradients are scaled down again before hooks and update rules see them.

        Args:
            interval: With a scale that adapts itself: after how many updates without overflow it doubles.
            scale: A constant scale; None lets it adapt: it shrinks, and the update is left out, when a gradient is
                infinite or NaN.

        Raises:
            ValueError: Not positive.
        """
        if interval < 1 or (scale is not None and not scale > 0):
            raise ValueError(f'loss_scaling: expected a positive {"interval" if scale is None else "scale"}, got '
                             f'{interval if scale is None else scale}')
        self._loss_scale_is_dynamic = scale is None
        self._loss_scale = 1.0 if scale is None else scale
        self._loss_scale_growth = 2.0 ** (1 / interval)
        self._overflow = self._overflow_ever = False

    @property
    def loss_scale(self) -> float | None:
        """What the next loss is multiplied by (see `loss_scaling`), None for nothing."""
        return self._loss_scale

    def set_loss_scale(self, loss_scale: float) -> None:
        """Sets a constant loss scale (see `loss_scaling`)."""
        self.loss_scaling(scale=loss_scale)

    def check_nan_in_grads(self) -> None:
        """Has `is_safe_to_update` look for infinities and NaN in these gradients; if the loss scale adapts itself."""
        if self._loss_scale_is_dynamic:
            self._overflow = False
            self._unchecked = [param.grad for param in self.target.params(False) if param.grad_var is not None]

    def is_safe_to_update(self) -> bool:
        """Whether all gradients that `check_nan_in_grads` saw are finite; on a GPU this waits for them."""
        grads = self._unchecked
        if grads is not None:
            overflow = bool(grads) and not backend.kernels(*grads).all_finite(grads)
            self._overflow = self._is_true_anywhere(overflow)
            self._unchecked = None
        return not self._overflow

    def update_loss_scale(self) -> None:
        """Adapts the loss scale to what `check_nan_in_grads` found."""
        if not self._loss_scale_is_dynamic:
            return
        assert self._loss_scale is not None
        if not self.is_safe_to_update():
            self._overflow_ever = True
            _logger.info('update %d is left out: a gradient is infinite or not a number with the loss scaled by %g',
                         self.t, self._loss_scale)
            self._loss_scale = max(1.0, self._loss_scale / 2)
        else:
            # Until the first overflow shows where the limit is, the scale doubles each time.
            growth = self._loss_scale_growth if self._overflow_ever else 2.0
            self._loss_scale = min(self._loss_scale * growth, 2.0 ** 24)

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the counters and the state of all update rules in a serializer, or restores them from one."""
        self.t = int(serializer('t', self.t))
        self.epoch = int(serializer('epoch', self.epoch))
        if self._loss_scale_is_dynamic:
            self._loss_scale = float(serialize_if_there(serializer, 'loss_scale', self._loss_scale))
            self._overflow_ever = bool(serialize_if_there(serializer, 'overflow_ever', int(self._overflow_ever)))
        stored: set[int] = set()
        for name, param in self.target.namedparams():
            # Of a parameter with several paths, the first one counts.
            if param.update_rule is not None and id(param) not in stored:
                stored.add(id(param))
                param.update_rule.serialize(serializer[name])


class GradientMethod(Optimizer):
    """Base class of optimizers that update each parameter by its gradient.

    A subclass sets the attributes of ``self.hyperparam`` and overrides `create_update_rule`.
    """

    _has_warned = False
    _use_fp32_update = False
    _use_cleargrads = True

    @cached_property
    def hyperparam(self) -> Hyperparameter:
        """The `Hyperparameter` that all rules share."""
        return Hyperparameter()

    def setup(self: _GradientMethod, link: Link) -> _GradientMethod:
        super().setup(link)
        if isinstance(config.dtype, MixedPrecision):
            self._use_fp32_update = True
            if config.dtype is mixed16 and self._loss_scale is None:
                self.loss_scaling()
        for param in link.params():
            # A program may have put a Variable in the place of a parameter: it is used, and not trained.
            if isinstance(param, Parameter):
                param.update_rule = self.create_update_rule()
                for hook in param.update_hooks:
                    param.update_rule.add_hook(hook)
                if self._use_fp32_update:
                    param.update_rule.use_fp32_update()
        return self

    def create_update_rule(self) -> UpdateRule:
        """A new `UpdateRule` for one parameter."""
        raise NotImplementedError(f'{type(self).__name__} does not override create_update_rule')

    def update(self, lossfun: Callable[..., Variable] | None = None, *args: Any, **kwds: Any) -> None:
        """Updates the parameters once by their gradients.

        Args:
            lossfun: Computes the loss, whose gradients are then computed here. None uses the gradients that the
                parameters have.
            args: Its arguments.
            kwds: Its keyword arguments.
        """
        if self.target is None:
            raise RuntimeError('update: call setup(model) first')
        if lossfun is not None:
            self.compute_gradients(lossfun, *args, **kwds)
        self.apply_gradients(None if lossfun is None else self._loss_scale)

    def compute_gradients(self, lossfun: Callable[..., Variable], *args: Any, **kwds: Any) -> None:
        """The first half of `update`: computes the parameters' gradients, multiplied by the loss scale if there is one.

        Args:
            lossfun: Computes the loss.
            args: Its arguments.
            kwds: Its keyword arguments.
        """
        self.backpropagate(self.compute_loss(lossfun, *args, **kwds))

    def compute_loss(self, lossfun: Callable[..., Variable], *args: Any, **kwds: Any) -> Variable:
        """The forward part of `compute_gradients`, with the same arguments: what `lossfun` returns."""
        loss = lossfun(*args, **kwds)
        if not isinstance(loss, Variable):
            raise TypeError(f'update: expected the loss as a Variable, got {type(loss).__name__} from '
                            f'{getattr(lossfun, "__name__", type(lossfun).__name__)}')
        return loss

    def backpropagate(self, loss: Variable) -> None:
        """The backward part of `compute_gradients`.

        Args:
            loss: What `compute_loss` returned.
        """
        self.clear_gradients()
        # A scale that adapts itself finds its place by gradients that become infinite.
        with np.errstate(over='ignore', invalid='ignore') if self._loss_scale_is_dynamic else nullcontext():
            loss.backward(loss_scale=self._loss_scale)

    def clear_gradients(self) -> None:
        """Forgets the parameters' gradients, or sets them to zeros (see `use_cleargrads`)."""
        if self._use_cleargrads:
            self.target.cleargrads()
        else:
            self.target.zerograds()

    def apply_gradients(self, scale: float | None = None) -> None:
        """The second half of `update`: updates the parameters by the gradients that they have.

        Args:
            scale: What the gradients were multiplied by, None for nothing.
        """
        self._warn_of_no_gradient()
        self.reallocate_cleared_grads()
        self.check_nan_in_grads()
        if scale is not None:
            self._unscale_grads(scale)
        self.call_hooks('pre')
        self.t += 1
        self._update_params()
        self.call_hooks('post')
        self.update_loss_scale()

    def _update_params(self) -> None:
        """Has the rules update the parameters, if the gradients are finite."""
        update_parameters(self._trained_params(), self.is_safe_to_update)

    def _warn_of_no_gradient(self, stacklevel: int = 4) -> None:
        """Warns, once, if no parameter has a gradient, so that nothing is learnt."""
        # In most updates the first parameter has one, and no other is looked at.
        if self._has_warned or any(param.requires_grad and param.grad_var is not None
                                   for param in self.target.params(False)):
            return
        self._has_warned = True
        if not any(True for _ in self.target.params()):
            return  # setup said so
        if not self._trained_params():
            reason = 'all are frozen, or none has its array yet; was the model called?'
        else:
            reason = ('was backward called? It goes from the loss to the parameters as long as the loss is computed '
                      'from them by functions: not from .array, and not in no_backprop_mode')
        warnings.warn(f'update: no parameter of {type(self.target).__name__} has a gradient: {reason}',
                      stacklevel=stacklevel)

    def reallocate_cleared_grads(self) -> None:
        """Gives every parameter that is trained and has no gradient one of zeros."""
        for param in self._trained_params():
            if param.grad_var is None:
                param.zerograd()

    def _unscale_grads(self, scale: float) -> None:
        """Divides the gradients by a number; those in half precision become float32, which holds the quotients."""
        params = self._trained_params()
        grads = [param.grad for param in params]
        precise = [param.xp.empty(g.shape, np.float32 if is_half(g.dtype) else g.dtype)
                   for param, g in zip(params, grads)]
        if grads:
            backend.kernels(*grads).scaled_copies(grads, precise, 1 / scale)
        for param, g in zip(params, precise):
            set_gradient(param, g)

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the hyperparameters, the counters and the state of all update rules, or restores them.

        Files of Chainer have no hyperparameters: these then stay as they are. To go on with another rate than that of
        the file, set it after loading.
        """
        self.hyperparam.serialize(serializer['hyperparam'])  # first: the rules' states depend on them
        super().serialize(serializer)

    def use_cleargrads(self, use: bool = True) -> None:
        """Chooses between `cleargrads` (True) and ``zerograds`` (False) before backpropagation."""
        self._use_cleargrads = use

    def use_fp32_update(self, flag: bool = True) -> None:
        """Has half-precision parameters updated in single precision (see `UpdateRule.use_fp32_update`)."""
        self._use_fp32_update = flag
        if self.target is not None:
            for param in self.target.params():
                if param.update_rule is not None:
                    param.update_rule.use_fp32_update(flag)
