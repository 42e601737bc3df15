"""Optimizers: they own a model's update rules and call them, with hooks around."""
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_nn import backend
from autograd_nn.variable import Parameter, Variable

if TYPE_CHECKING:
    from autograd_nn.link import Link

_TIMINGS = 'pre', 'post'


class Hyperparameter:
    """A set of hyperparameters as attributes. What is not set here is looked up in the parent.

    The rules of an optimizer's parameters have its hyperparameters as parent, so that a value set in one rule applies
    to that parameter alone.

    Args:
        parent: The `Hyperparameter` to look up what is missing.

    Example:
        >>> from autograd_nn.optimizer import Hyperparameter
        >>> common = Hyperparameter()
        >>> common.lr = 0.1
        >>> own = Hyperparameter(common)
        >>> own.lr
        0.1
        >>> own.lr = 0.5
        >>> own, common
        (Hyperparameter(lr=0.5), Hyperparameter(lr=0.1))
    """

    def __init__(self, parent: Hyperparameter | None = None) -> None:
        self._parent = parent

    @property
    def parent(self) -> Hyperparameter | None:
        """Where values that are not set here come from."""
        return self._parent

    def get_dict(self) -> dict[str, Any]:
        """All values, the parent's included."""
        values = {} if self._parent is None else self._parent.get_dict()
        values.update({name: value for name, value in self.__dict__.items() if name != '_parent'})
        return values

    def override(self, **values: Any) -> None:
        """Sets those of the values that are not None."""
        self.__dict__.update({name: value for name, value in values.items() if value is not None})

    def __getattr__(self, name: str) -> Any:
        # Copying and unpickling ask for attributes before there are any.
        parent = self.__dict__.get('_parent')
        if parent is None or name.startswith('__'):
            raise AttributeError(f'there is no hyperparameter {name!r}')
        return getattr(parent, name)

    def __repr__(self) -> str:
        values = ', '.join(f'{name}={value!r}' for name, value in sorted(self.get_dict().items()))
        return f'{type(self).__name__}({values})'


def default_hyperparameters(**values: Any) -> Hyperparameter:
    """The `Hyperparameter` that update rules without an optimizer have as parent.

    Args:
        values: The values by name.
    """
    hyperparam = Hyperparameter()
    hyperparam.override(**values)
    return hyperparam


class HyperparameterProxy:
    """An optimizer's attribute that stands for one of its hyperparameters.

    Args:
        attr_name: The hyperparameter's name.
    """

    def __init__(self, attr_name: str) -> None:
        self._attr_name = attr_name
        self.__doc__ = f'The hyperparameter ``{attr_name}``.'

    def __get__(self, obj: Any, type: Any = None) -> Any:
        return self if obj is None else getattr(obj.hyperparam, self._attr_name)

    def __set__(self, obj: Any, value: Any) -> None:
        setattr(obj.hyperparam, self._attr_name, value)


class _Hooks:
    """Named hooks, some to be called before an update and some after it, in the order in which they were added."""

    def __init__(self) -> None:
        self.hooks: dict[str, dict[str, Callable[..., Any]]] = {timing: {} for timing in _TIMINGS}

    def add(self, hook: Callable[..., Any], name: str | None, timing: str) -> None:
        if not callable(hook):
            raise TypeError(f'add_hook: expected something to call, got {type(hook).__name__}')
        if name is None:
            name = getattr(hook, 'name', None) or getattr(hook, '__name__', None) or type(hook).__name__
        if timing == 'auto':
            timing = getattr(hook, 'timing', 'pre')
        if timing not in _TIMINGS:
            raise ValueError(f"add_hook: timing must be 'pre', 'post' or 'auto', got {timing!r}")
        if any(name in hooks for hooks in self.hooks.values()):
            raise KeyError(f'add_hook: there is a hook named {name!r} already')
        self.hooks[timing][name] = hook

    def remove(self, name: str) -> None:
        for hooks in self.hooks.values():
            if name in hooks:
                del hooks[name]
                return
        raise KeyError(f'remove_hook: there is no hook named {name!r}')


class UpdateRule:
    """How one parameter is updated, and what has to be remembered between updates.

    A subclass overrides `update_core` (or `update_core_cpu` and `update_core_gpu`), and `init_state` if it keeps
    arrays.

    Args:
        parent_hyperparam: The `Hyperparameter` that serves as default, usually the optimizer's.

    Attributes:
        hyperparam: This rule's `Hyperparameter`.
        enabled: Whether `update` does anything.
        t: The number of updates so far.
    """

    def __init__(self, parent_hyperparam: Hyperparameter | None = None) -> None:
        self.hyperparam = Hyperparameter(parent_hyperparam)
        self.enabled = True
        self.t = 0
        self._state: dict[str, Any] | None = None
        self._state_place: Any = None
        self._hooks = _Hooks()
        self._use_fp32_update = False
        self._fp32_param: Variable | None = None

    @property
    def state(self) -> dict[str, Any] | None:
        """What is remembered between updates: arrays by name; None before the first update."""
        return self._state

    def add_hook(self, hook: Callable[[UpdateRule, Variable], Any], name: str | None = None,
                 timing: str = 'auto') -> None:
        """Adds a hook that is called around each update of the parameter.

        Args:
            hook: Called with this rule and the parameter.
            name: Under which it is registered; by default its ``name`` or that of the function.
            timing: ``'pre'`` for before the update, ``'post'`` for after it, ``'auto'`` for the hook's ``timing``.

        Raises:
            KeyError: There is one of that name.
        """
        self._hooks.add(hook, name, timing)

    def remove_hook(self, name: str) -> None:
        """Removes the hook of that name."""
        self._hooks.remove(name)

    def update(self, param: Variable) -> None:
        """Updates a parameter by its gradient; does nothing while the rule is not `enabled`.

        Args:
            param: The parameter, with its ``grad``.
        """
        if not self.enabled:
            return
        self.t += 1
        if self._use_fp32_update and param.dtype == np.float16:
            self._update_in_fp32(param)
        else:
            self._update(param)

    def _update(self, param: Variable) -> None:
        self._prepare_state(param)
        for hook in self._hooks.hooks['pre'].values():
            hook(self, param)
        self.update_core(param)
        for hook in self._hooks.hooks['post'].values():
            hook(self, param)

    def _update_in_fp32(self, param: Variable) -> None:
        """Updates a copy in single precision, which is kept, and rounds it to the parameter's half precision."""
        if self._fp32_param is None:
            self._fp32_param = Variable(param.array.astype('f'), name=param.name)
        self._fp32_param.to_device(param.device)
        self._fp32_param.grad = None if param.grad is None else param.grad.astype('f')
        self._update(self._fp32_param)
        self._fp32_param.cleargrad()
        param.array[...] = self._fp32_param.array

    def _prepare_state(self, param: Variable) -> None:
        """Creates the state if there is none; otherwise moves it to where the parameter is, in its layout."""
        array = param.array
        place = type(array), getattr(array, 'device', None)
        if self._state is None:
            self._state = {}
            self.init_state(param)
        elif place != self._state_place:
            for name, value in self._state.items():
                if backend.is_array(value) and value.shape == array.shape:
                    self._state[name] = backend.get_array_module(array).empty_like(array, dtype=value.dtype)
                    backend.copyto(self._state[name], value)
        self._state_place = place

    def init_state(self, param: Variable) -> None:
        """Puts the initial arrays into ``self.state``; called once, before the first update.

        Args:
            param: The parameter.
        """

    def init_zeros(self, param: Variable, *names: str) -> None:
        """Puts arrays of zeros like the parameter's array into ``self.state``: what most rules start from.

        Args:
            param: The parameter.
            names: The names of the arrays.
        """
        assert self._state is not None
        for name in names:
            self._state[name] = backend.get_array_module(param.array).zeros_like(param.array)

    def update_core(self, param: Variable) -> None:
        """Updates the array of a parameter in place.

        Args:
            param: The parameter. Its ``grad`` may be None.
        """
        if isinstance(param.array, np.ndarray):
            self.update_core_cpu(param)
        else:
            self.update_core_gpu(param)

    def update_core_cpu(self, param: Variable) -> None:
        """Updates a NumPy array, for rules that do not override `update_core`."""
        raise NotImplementedError(f'{type(self).__name__} does not say how to update a parameter on the CPU')

    def update_core_gpu(self, param: Variable) -> None:
        """Updates a CuPy array, for rules that do not override `update_core`."""
        raise NotImplementedError(f'{type(self).__name__} does not say how to update a parameter on a GPU')

    def use_fp32_update(self, flag: bool = True) -> None:
        """Has half-precision parameters updated in single precision, in a copy that is kept.

        Args:
            flag: False turns that off again.
        """
        self._use_fp32_update = flag
        if not flag:
            self._fp32_param = None

    def serialize(self, serializer: Any) -> None:
        """Stores the state in a serializer, or restores it from one."""
        self.t = int(serializer('t', self.t))
        # A rule that has been used has a state; in one that has not, t > 0 means that a used one is being restored.
        if self._state is None and self.t > 0:
            self._state = self._blank_state()
        for name, value in (self._state or {}).items():
            assert self._state is not None
            self._state[name] = serializer(name, value)
        if self._state is not None and any(value is None for value in self._state.values()):
            # What is not in the file (a load that is not strict lets that pass) starts afresh.
            self._state = None
        self._state_place = None
        if self._use_fp32_update:
            self._serialize_fp32(serializer)

    def _blank_state(self) -> dict[str, Any]:
        """The state's entries without their values: None for arrays, the initial value for anything else."""
        blank = copy.copy(self)
        blank._state = {}
        blank.init_state(Parameter(0, (1,)))
        return {name: None if backend.is_array(value) else value for name, value in blank._state.items()}

    def _serialize_fp32(self, serializer: Any) -> None:
        if serializer('has_fp32_param', int(self._fp32_param is not None)):
            if self._fp32_param is None:
                self._fp32_param = Variable(serializer('fp32_param', None))
            else:
                self._fp32_param.array = serializer('fp32_param', self._fp32_param.array)


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
    _hooks: _Hooks | None = None
    _loss_scale: float | None = None
    _loss_scale_is_dynamic = False
    _loss_scale_growth = 1.0
    _overflow_ever = False
    _overflow = False

    def setup(self, link: Link) -> Any:
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
        self.target = link
        self.t = 0
        self.epoch = 0
        self._hooks = _Hooks()
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

    def _named_hooks(self, caller: str) -> _Hooks:
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
        return [param for param in self.target.params(False) if param.requires_grad]

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

    def set_loss_scale(self, loss_scale: float) -> None:
        """Sets a constant loss scale (see `loss_scaling`)."""
        self.loss_scaling(scale=loss_scale)

    def check_nan_in_grads(self) -> None:
        """Looks for gradients that are infinite or NaN; with a loss scale that adapts itself only."""
        if self._loss_scale_is_dynamic:
            self._overflow = not all(_all_finite(param.grad) for param in self.target.params(False)
                                     if param.grad is not None)

    def is_safe_to_update(self) -> bool:
        """Whether `check_nan_in_grads` found all gradients finite."""
        return not self._overflow

    def update_loss_scale(self) -> None:
        """Adapts the loss scale to what `check_nan_in_grads` found."""
        if not self._loss_scale_is_dynamic:
            return
        assert self._loss_scale is not None
        if self._overflow:
            self._overflow_ever = True
            self._loss_scale = max(1.0, self._loss_scale / 2)
        else:
            # Until the first overflow shows where the limit is, the scale doubles each time.
            growth = self._loss_scale_growth if self._overflow_ever else 2.0
            self._loss_scale = min(self._loss_scale * growth, 2.0 ** 24)

    def serialize(self, serializer: Any) -> None:
        """Stores the counters and the state of all update rules in a serializer, or restores them from one.

        Hyperparameters are not part of it.
        """
        self.t = int(serializer('t', self.t))
        self.epoch = int(serializer('epoch', self.epoch))
        if self._loss_scale_is_dynamic:
            self._loss_scale = float(serializer('loss_scale', self._loss_scale))
            self._overflow_ever = bool(serializer('overflow_ever', int(self._overflow_ever)))
        for name, param in self.target.namedparams():
            if param.update_rule is not None:
                param.update_rule.serialize(serializer[name])


class GradientMethod(Optimizer):
    """Base class of optimizers that update each parameter by its gradient.

    A subclass sets the attributes of ``self.hyperparam`` and overrides `create_update_rule`.

    Attributes:
        hyperparam: The `Hyperparameter` that all rules share.
    """

    def __init__(self) -> None:
        self.hyperparam = Hyperparameter()
        self._use_fp32_update = False
        self._use_cleargrads = True

    def setup(self, link: Link) -> Any:
        super().setup(link)
        for param in link.params():
            param.update_rule = self.create_update_rule()
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
        target = self.target
        if target is None:
            raise RuntimeError('update: call setup(model) first')
        if lossfun is not None:
            loss = lossfun(*args, **kwds)
            if self._use_cleargrads:
                target.cleargrads()
            else:
                target.zerograds()
            loss.backward(loss_scale=self._loss_scale)
            del loss
        self.reallocate_cleared_grads()
        self.check_nan_in_grads()
        if self._loss_scale is not None and lossfun is not None:
            self._unscale_grads(self._loss_scale)
        self.call_hooks('pre')
        self.t += 1
        if self.is_safe_to_update():
            for param in self._trained_params():
                param.update()
        self.call_hooks('post')
        self.update_loss_scale()

    def reallocate_cleared_grads(self) -> None:
        """Gives every parameter that is trained and has no gradient one of zeros."""
        for param in self._trained_params():
            if param.grad is None:
                param.zerograd()

    def _unscale_grads(self, scale: float) -> None:
        for param in self._trained_params():
            g = param.grad
            if param.dtype == np.float16 and param.update_rule is not None and param.update_rule._use_fp32_update:
                g = g.astype('f')
            set_gradient(param, g * (1 / scale))

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


def set_gradient(param: Variable, grad: Any) -> None:
    """Gives a parameter another gradient, which may be of higher precision than the parameter.

    Hooks replace gradients instead of writing into them: two Variables may have the same array as gradient.

    Args:
        param: The parameter.
        grad: An array of its shape.
    """
    # Arithmetic on arrays of no axes yields scalars.
    grad = backend.get_array_module(param.array).asarray(grad)
    param.node.grad_var = Variable(grad, requires_grad=False)


def _all_finite(array: Any) -> bool:
    return bool(backend.get_array_module(array).isfinite(array).all())
