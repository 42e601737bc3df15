"""Update rules: how one parameter is updated, with what hyperparameters, and what is remembered between updates."""
from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from inspect import Parameter as Argument
from inspect import Signature
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from autograd_nn import backend
from autograd_nn.dtypes import is_half
from autograd_nn.serializer import AbstractSerializer, serialize_if_there
from autograd_nn.types import Array
from autograd_nn.variable import Parameter, Variable

T = TypeVar('T')
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
        values.update(self.__dict__)
        del values['_parent']
        return values

    def override(self, **values: Any) -> None:
        """Sets those of the values that are not None."""
        self.__dict__.update({name: value for name, value in values.items() if value is not None})

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the numbers that are set here, the parent's not, or restores those of them that are there."""
        for name, value in list(self.__dict__.items()):
            if name != '_parent' and _is_number(value):
                # An integer's type would cut a fraction off.
                stored = serialize_if_there(serializer, name, float(value))
                if stored != float(value):
                    setattr(self, name, bool(stored) if isinstance(value, bool) else stored)

    def __getattr__(self, name: str) -> Any:
        # Copying and unpickling ask for attributes before there are any.
        parent = self.__dict__.get('_parent')
        if parent is None or name.startswith('__'):
            raise AttributeError(f'there is no hyperparameter {name!r}')
        return getattr(parent, name)

    def __repr__(self) -> str:
        values = ', '.join(f'{name}={value!r}' for name, value in sorted(self.get_dict().items()))
        return f'{type(self).__name__}({values})'


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, np.number, np.bool_)) or (backend.is_array(value) and value.ndim == 0)


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


class _DefaultedProxy(HyperparameterProxy):
    """A `HyperparameterProxy` of the name that it is assigned to; the class itself has the default there."""

    def __init__(self, default: Any) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        super().__init__(name)

    def __get__(self, obj: Any, type: Any = None) -> Any:
        return self._default if obj is None else super().__get__(obj, type)


def hyperparameter(default: T) -> T:
    """A field of an optimizer that is a dataclass: an argument of its constructor that ``self.hyperparam`` holds.

    The rule that names the optimizer (see `KernelRule`) has the same arguments.

    Args:
        default: Its value where none is given, also that of the class's attribute.

    Example:
        >>> from dataclasses import dataclass
        >>> from autograd_nn.optimizer import GradientMethod
        >>> @dataclass(eq=False, repr=False)
        ... class Descent(GradientMethod):
        ...     rate: float = hyperparameter(0.5)
        >>> Descent.rate, Descent(0.25).hyperparam
        (0.5, Hyperparameter(rate=0.25))
    """
    return cast(T, _DefaultedProxy(default))


class Hooks:
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
        is_elementwise: Whether each element is updated by its own gradient and state alone.
        t: The number of updates so far.
    """

    is_elementwise = False

    def __init__(self, parent_hyperparam: Hyperparameter | None = None) -> None:
        self.hyperparam = Hyperparameter(parent_hyperparam)
        self.enabled = True
        self.t = 0
        self._state: dict[str, Any] | None = None
        self._state_place: Any = None
        self._hooks = Hooks()
        self._use_fp32_update = False
        self._fp32_param: Variable | None = None

    @property
    def state(self) -> dict[str, Any] | None:
        """What is remembered between updates: arrays by name; None before the first update."""
        return self._state

    def add_hook(self, hook: Callable[[UpdateRule, Variable], Any], name: str | None = None,
                 timing: str = 'auto') -> None:
        """Adds a hook that is called around each update of the parameter.

        When it is called, the parameters that come before this one in the model have been updated and those after it
        have not; a parameter with a hook is updated by itself.

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
        pairs = [(param, self._precise(param))]
        _refine(pairs)
        self._update(pairs[0][1])
        _round(pairs)

    def _update(self, param: Variable) -> None:
        self._prepare_state(param)
        for hook in self._hooks.hooks['pre'].values():
            hook(self, param)
        self.update_core(param)
        for hook in self._hooks.hooks['post'].values():
            hook(self, param)

    def keeps_copy(self, param: Variable) -> bool:
        """Whether a copy of the parameter in float32 is updated in its place (see `use_fp32_update`)."""
        return self._use_fp32_update and is_half(param.dtype)

    def _precise(self, param: Variable) -> Variable:
        """What is updated for a parameter: itself, or the copy."""
        if not self.keeps_copy(param):
            return param
        if self._fp32_param is None:
            self._fp32_param = Variable(param.array.astype('f'), name=param.name)
        self._fp32_param.to_device(param.device)
        return self._fp32_param

    def _prepare_state(self, param: Variable) -> None:
        """Creates the state if there is none; otherwise moves it to where the parameter is, in its layout."""
        array = param.array
        place = type(array), getattr(getattr(array, 'device', None), 'id', None)  # CuPy's devices have no hash
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

        For a parameter in half precision they are of float32: squares are out of its range, and sums need more digits.

        Args:
            param: The parameter.
            names: The names of the arrays.
        """
        assert self._state is not None
        dtype = np.float32 if is_half(param.dtype) else param.dtype
        for name in names:
            self._state[name] = backend.get_array_module(param.array).zeros_like(param.array, dtype=dtype)

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

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state, and this rule's own hyperparameters, in a serializer, or restores them from one."""
        self.t = int(serializer('t', self.t))
        self.hyperparam.serialize(serializer['hyperparam'])
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

    def _serialize_fp32(self, serializer: AbstractSerializer) -> None:
        try:
            is_there = serializer('has_fp32_param', int(self._fp32_param is not None))
        except KeyError:  # A file of Chainer: the copy is made anew from the parameter.
            is_there = False
        if not is_there:
            self._fp32_param = None
        elif self._fp32_param is None:
            self._fp32_param = Variable(serializer('fp32_param', None))
        else:
            self._fp32_param.array = serializer('fp32_param', self._fp32_param.array)


class KernelRule(UpdateRule):
    """An update rule whose formula is a kernel of the contract, which updates many parameters at once.

    A subclass sets `kernel` and `state_names`; its keyword `optimizer` names the optimizer, a dataclass, whose
    hyperparameters it has.

    Args:
        parent_hyperparam: The optimizer's hyperparameters; by default those that it has when none are given.
        values: The hyperparameters in the optimizer's order, for this parameter alone. What is None is the optimizer's.
        named: The same by their names.

    Attributes:
        kernel: The name of a kernel. It is given the arrays of the parameters, those of the gradients, those of the
            states in the order of `state_names`, and `numbers`.
        state_names: The names of the arrays that are remembered between updates; they start from zeros.
    """

    is_elementwise = True
    kernel: str
    state_names: tuple[str, ...] = ()
    __signature__: ClassVar[Signature | None] = None
    _defaults: ClassVar[dict[str, Any]] = {}
    _is_plain: bool

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, *values: Any, **named: Any) -> None:
        if parent_hyperparam is None:
            parent_hyperparam = Hyperparameter()
            parent_hyperparam.override(**self._defaults)
        super().__init__(parent_hyperparam)
        if values or named:
            try:
                self.hyperparam.override(**_arguments(self._defaults).bind(None, *values, **named).arguments)
            except TypeError as error:
                raise TypeError(f'{type(self).__name__}: {error}') from None

    def __init_subclass__(cls, optimizer: type | None = None) -> None:
        if optimizer is not None:
            cls._defaults = {field.name: field.default for field in fields(optimizer)}
            cls.__signature__ = _arguments(cls._defaults)
        elif '__init__' in vars(cls):
            cls.__signature__ = None
        names = 'update', 'update_core', 'update_core_cpu', 'update_core_gpu'
        cls._is_plain = all(getattr(cls, name) is getattr(KernelRule, name) for name in names)

    def init_state(self, param: Variable) -> None:
        self.init_zeros(param, *self.state_names)

    def _prepare_state(self, param: Variable) -> None:
        if self._state is not None and self._state_place is None:
            # A file may have been written when states were still in half precision.
            for name in self.state_names:
                if is_half(self._state[name].dtype):
                    self._state[name] = self._state[name].astype(np.float32)
        super()._prepare_state(param)

    def numbers(self) -> tuple[Any, ...]:
        """The arguments of the kernel after the arrays: numbers, which can be compared with those of another rule.

        By default they are all hyperparameters, in their order.
        """
        values = self.hyperparam.get_dict()
        return tuple([bool(values[name]) if isinstance(default, bool) else float(values[name])
                      for name, default in self._defaults.items()])

    def arrays(self, param: Variable) -> tuple[Any, ...]:
        """The arrays that the kernel is given for one parameter."""
        assert self._state is not None
        return param.array, param.grad, *[self._state[name] for name in self.state_names]

    def update_core_cpu(self, param: Variable) -> None:
        if param.grad_var is not None:
            _call_kernel(self.kernel, [self.arrays(param)], self.numbers())

    update_core_gpu = update_core_cpu

    def can_share_a_call(self, param: Parameter) -> bool:
        """Whether the kernel may update this parameter together with others: it is all that ``param.update()`` does."""
        return self._is_plain and type(param).update is Parameter.update and not any(self._hooks.hooks.values())


def _arguments(names: Iterable[str]) -> Signature:
    """A rule's arguments: the parent's hyperparameters, then its own."""
    return Signature([Argument(name, Argument.POSITIONAL_OR_KEYWORD, default=None)
                      for name in ('parent_hyperparam', *names)])


def _refine(pairs: Iterable[tuple[Variable, Variable]]) -> None:
    """Gives copies that are updated the gradients of their parameters, in float32."""
    halves = []
    for param, precise in pairs:
        if precise is param or param.grad_var is None:
            continue
        grad = param.grad_var.array
        if is_half(grad.dtype):
            halves.append((grad, param.xp.empty_like(grad, dtype=np.float32)))
            grad = halves[-1][1]
        precise.grad = grad
    if halves:
        sources, targets = map(list, zip(*halves, strict=True))
        backend.kernels(*sources).scaled_copies(sources, targets, 1)


def _round(pairs: Iterable[tuple[Variable, Variable]]) -> None:
    """Gives parameters in half precision the values of the copies that were updated; others stand for themselves."""
    pairs = [(param, precise) for param, precise in pairs if precise is not param]
    if pairs:
        targets, sources = ([each.array for each in column] for column in zip(*pairs, strict=True))
        backend.kernels(*targets).scaled_copies(sources, targets, 1)
    for _, precise in pairs:
        precise.cleargrad()


def update_parameters(params: Iterable[Parameter], is_safe: Callable[[], bool] = lambda: True) -> None:
    """Updates parameters by their rules, one after the other as far as hooks and rules of the user's can tell.

    Those that have the same kernel and the same numbers are updated in one call of it where nothing comes between.

    Args:
        params: The parameters, with their ``grad``.
        is_safe: Whether to update them at all. It may have to wait for a device, so it is asked when the first call is
            prepared.
    """
    safe = False
    for run in _runs(params):
        together = _can_share_a_call(run[0])
        pairs = [_prepared(param) for param in run if param.update_rule.enabled] if together else []
        _refine(pairs)
        safe = safe or is_safe()
        if not safe:
            _take_back(pairs)
            return
        if together:
            _update_together(pairs)
        else:
            run[0].update()


def _runs(params: Iterable[Parameter]) -> Iterator[list[Parameter]]:
    """Parameters in a row that can share calls of kernels, and each that cannot alone."""
    run: list[Parameter] = []
    owners: set[int] = set()
    for param in params:
        shares = _can_share_a_call(param)
        owner = id(param.memory_owner)
        # Of two parameters that share memory, the second has a call of its own.
        if run and (not shares or owner in owners):
            yield run
            run, owners = [], set()
        run.append(param)
        owners.add(owner)
        if not shares:
            yield run
            run, owners = [], set()
    if run:
        yield run


def _can_share_a_call(param: Parameter) -> bool:
    return isinstance(param.update_rule, KernelRule) and param.update_rule.can_share_a_call(param)


def _prepared(param: Parameter) -> tuple[Parameter, Variable]:
    """A parameter, and what is updated for it, with all that the kernel needs."""
    rule = param.update_rule
    rule.t += 1
    precise = rule._precise(param)
    rule._prepare_state(precise)
    return param, precise


def _take_back(pairs: Iterable[tuple[Parameter, Variable]]) -> None:
    """Undoes `_prepared`."""
    for param, precise in pairs:
        param.update_rule.t -= 1
        if precise is not param:
            precise.cleargrad()


def _update_together(pairs: list[tuple[Parameter, Variable]]) -> None:
    batches: defaultdict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for param, precise in pairs:
        rule = param.update_rule
        if precise.grad_var is not None:
            batches[rule.kernel, rule.numbers(), rule._state_place].append(rule.arrays(precise))
    for (kernel, numbers, _), rows in batches.items():
        _call_kernel(kernel, rows, numbers)
    _round(pairs)


def _call_kernel(name: str, rows: list[tuple[Any, ...]], numbers: tuple[Any, ...]) -> None:
    """Calls a kernel for optimizers with the arrays of several parameters."""
    kernel = getattr(backend.kernels(*rows[0]), name)
    kernel(*map(list, zip(*rows, strict=True)), *numbers)


def set_gradient(param: Variable, grad: Array) -> None:
    """Gives a parameter another gradient, which may be of higher precision than the parameter.

    Hooks replace gradients instead of writing into them: two Variables may have the same array as gradient. They
    compute in at least float32, since what they make of a gradient is used once more before it is rounded.

    Args:
        param: The parameter.
        grad: An array of its shape.
    """
    # Arithmetic on arrays of no axes yields scalars.
    grad = backend.get_array_module(param.array).asarray(grad)
    param.node.grad_var = Variable(grad, requires_grad=False)
