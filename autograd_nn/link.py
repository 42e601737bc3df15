"""Links: objects that own parameters, and chains of them."""
from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.device_resident import DeviceResident, DeviceResidentsVisitor
from autograd_nn.dtypes import has_gradient
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.types import DTypeLike, InitializerLike
from autograd_nn.utils.html_table import html_table
from autograd_nn.variable import Parameter

_Link = TypeVar('_Link', bound='Link')
_SHOWN_ROWS = 50  # in a notebook


@dataclass
class ForwardPreprocessCallbackArgs:
    """What a hook is told before a link runs.

    Attributes:
        link: The link.
        forward_name: The method that runs, ``'forward'``.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """

    link: Link
    forward_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass
class ForwardPostprocessCallbackArgs(ForwardPreprocessCallbackArgs):
    """What a hook is told after a link has run.

    Attributes:
        out: What the link returned.
    """

    out: Any


class CallHook(Protocol):
    """What a link calls of a `LinkHook`, which stands above it."""

    name: str

    def added(self, link: Link | None) -> None: ...
    def deleted(self, link: Link | None) -> None: ...
    def forward_preprocess(self, args: ForwardPreprocessCallbackArgs) -> None: ...
    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None: ...
    def forward_failed(self, args: ForwardPreprocessCallbackArgs) -> None: ...


class Link(DeviceResident):
    """A layer: an object with parameters, and with a `forward` that uses them.

    A subclass creates its parameters in ``__init__`` inside ``with self.init_scope():``, which registers every
    `Parameter` assigned there. Registered parameters are what optimizers train and what serializers save. Values that
    are saved but not trained, such as a running mean, are registered with `add_persistent`.

    Args:
        params: Parameters to add, as ``name=shape`` or ``name=(shape, dtype)``.

    Attributes:
        name: The name that the parent gave it, None for a root.
        frozen: Whether the link stays as it is while the rest of a network learns (see `freeze`).

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> class Affine(ann.Link):
        ...     def __init__(self, size):
        ...         super().__init__()
        ...         with self.init_scope():
        ...             self.scale = ann.Parameter(1, size)
        ...             self.shift = ann.Parameter(0, size)
        ...
        ...     def forward(self, x):
        ...         return self.scale * x + self.shift
        >>> link = Affine(3)
        >>> [path for path, param in link.namedparams()]
        ['/scale', '/shift']
        >>> link(np.array([1., 2., 3.], 'f'))
        variable([1., 2., 3.], dtype=float32)
    """

    name: str | None = None
    frozen: bool = False
    _within_init_scope = False
    _collections: list[tuple[str, Any]]
    _local_link_hooks: dict[str, CallHook] | None = None

    # `Sequential` stands above this module, so that module attaches the method that makes one.
    if TYPE_CHECKING:
        def repeat(self, n_repeat: int, mode: str = 'init') -> ChainList: ...

        # Not a method: a subclass may take any arguments.
        forward: Callable[..., Any]

    def __init__(self, **params: Any) -> None:
        # Dictionaries without values serve as sets that keep the order of definition.
        self._params: dict[str, None] = {}
        self._persistent: dict[str, None] = {}
        self._device: backend.Device = backend.CpuDevice()
        for name, value in params.items():
            typed = isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], (tuple, list))
            shape, dtype = value if typed else (value, None)
            self.add_param(name, shape, dtype)

    @classmethod
    def from_params(cls, *args: Any, **kwargs: Any) -> Any:
        """A link of the size of given parameters; for subclasses to override where that makes sense."""
        raise NotImplementedError(f'{cls.__name__} has no from_params')

    # --- registering

    @property
    def within_init_scope(self) -> bool:
        """Whether a ``with self.init_scope():`` block is open."""
        return self._within_init_scope

    @contextmanager
    def init_scope(self) -> Iterator[None]:
        """A context in which parameters (and child links, in a `Chain`) are registered as they are assigned.

        Raises:
            RuntimeError: ``super().__init__()`` has not been called.
        """
        self._require_init()
        outer = self._within_init_scope
        if not outer:
            self._collections = []
        self._within_init_scope = True
        try:
            yield
            if not outer:
                self._warn_of_collections()
        finally:
            self._within_init_scope = outer
            if not outer:
                del self._collections

    def _require_init(self) -> None:
        if '_params' not in self.__dict__:
            raise RuntimeError(f'{type(self).__name__}: call super().__init__() first, at the top of __init__')

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Parameter, Link)):
            registered = '_params' in self.__dict__ and self._register(name, value)
            # One that has its name from another owner is shared on purpose.
            if not registered and value.name is None:
                self._warn_of_stranger(name, value)
        elif value is None and '_params' in self.__dict__:
            self._forget(name)
        elif self._within_init_scope and isinstance(value, (list, tuple, dict)):
            self._collections.append((name, value))
        object.__setattr__(self, name, value)

    def _register(self, name: str, value: Parameter | Link) -> bool:
        """Registers a parameter that is assigned in `init_scope`; tells whether `name` is registered."""
        if isinstance(value, Parameter) and self._within_init_scope:
            value.name = name
            value.to_device(self._device)
            self._params[name] = None
            self._persistent.pop(name, None)
        return name in self._params

    def _warn_of_stranger(self, name: str, value: Parameter | Link) -> None:
        """Warns of a parameter or link that is assigned but not registered: most likely an oversight."""
        kind = 'parameter' if isinstance(value, Parameter) else 'link'
        what = f'{type(self).__name__}.{name} is assigned but not registered, so it is neither trained nor saved'
        if '_params' not in self.__dict__:
            advice = 'call super().__init__() first, and create it inside "with self.init_scope():"'
        elif self._within_init_scope:
            advice = f'a {type(self).__name__} holds no links; derive from Chain'
        else:
            advice = f'create the {kind} inside "with self.init_scope():", or assign a tuple (it,) to keep it out'
        warnings.warn(f'{what}: {advice}', stacklevel=3)

    def _warn_of_collections(self) -> None:
        """Warns of links and parameters in lists and the like that were assigned in `init_scope`, as it does not look
        into these."""
        for name, value in self._collections:
            strangers = list(_find_strangers(value))
            if strangers:
                links = any(isinstance(stranger, Link) for stranger in strangers)
                what, advice = ('links', 'make it a ChainList or a Sequential') if links else \
                    ('parameters', 'assign each to an attribute of its own')
                warnings.warn(f'{type(self).__name__}.{name} is a {type(value).__name__}, in which {what} are not '
                              f'registered, so they are neither trained nor saved: {advice}', stacklevel=4)

    def _forget(self, name: str) -> None:
        """Makes sure that no parameter (or child) is registered under a name."""
        self._params.pop(name, None)

    def __delattr__(self, name: str) -> None:
        self._forget(name)
        self._persistent.pop(name, None)
        object.__delattr__(self, name)

    def add_param(self, name: str, shape: int | tuple[int, ...] | None = None, dtype: DTypeLike | None = None,
                  initializer: InitializerLike = None) -> None:
        """Adds a parameter; the same as assigning one in `init_scope`.

        Args:
            name: The attribute's name.
            shape: Its shape; None postpones the allocation (see `Parameter`).
            dtype: Its dtype; that of the initializer, or ``config.dtype``, by default.
            initializer: What fills it (see `Parameter`).

        Raises:
            AttributeError: There is an attribute of that name.
        """
        self._require_free(name)
        with self.init_scope():
            setattr(self, name, Parameter(initializer, shape, dtype=dtype))

    def add_persistent(self, name: str, value: Any) -> None:
        """Adds a value that is saved and loaded with the link but not trained.

        Args:
            name: The attribute's name.
            value: An array, a number, a string or None.

        Raises:
            AttributeError: There is an attribute of that name.
        """
        self._require_free(name)
        setattr(self, name, value)
        self.register_persistent(name)

    def register_persistent(self, name: str) -> None:
        """Makes an existing attribute persistent (see `add_persistent`).

        Raises:
            AttributeError: There is no attribute of that name.
        """
        if not hasattr(self, name):
            raise AttributeError(f'register_persistent: {type(self).__name__} has no attribute {name!r}')
        self._params.pop(name, None)
        self._persistent[name] = None

    def _require_free(self, name: str) -> None:
        if hasattr(self, name):
            raise AttributeError(f'{type(self).__name__} has an attribute {name!r} already')

    # --- calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs ``forward`` with the same arguments, and the hooks around it."""
        local, everywhere = self._local_link_hooks, config._link_hooks
        if not local and not everywhere:
            return self.forward(*args, **kwargs)
        hooks = [*everywhere.values(), *(local or {}).values()]
        before = ForwardPreprocessCallbackArgs(self, 'forward', args, kwargs)
        # Those that are told of the beginning are told of the end, whichever it is.
        told: list[CallHook] = []
        try:
            for hook in hooks:
                hook.forward_preprocess(before)
                told.append(hook)
            out = self.forward(*args, **kwargs)
            after = ForwardPostprocessCallbackArgs(self, 'forward', args, kwargs, out)
            while told:
                told.pop(0).forward_postprocess(after)
        except BaseException:
            for hook in told:
                hook.forward_failed(before)
            raise
        return out

    @property
    def _is_watched(self) -> bool:
        """Whether a hook wants to see the calls of this link."""
        return bool(self._local_link_hooks or config._link_hooks)

    @property
    def local_link_hooks(self) -> dict[str, CallHook]:
        """The hooks of this link alone, by name."""
        if self._local_link_hooks is None:
            self._local_link_hooks = {}
        return self._local_link_hooks

    def add_hook(self: _Link, hook: CallHook, name: str | None = None) -> _Link:
        """Adds a hook to this link.

        Returns:
            This link.

        Raises:
            KeyError: There is one of that name already.
        """
        name = name or hook.name
        if name in self.local_link_hooks:
            raise KeyError(f'add_hook: {type(self).__name__} already has a hook named {name!r}')
        # First, as it may refuse the link.
        hook.added(self)
        self.local_link_hooks[name] = hook
        return self

    def delete_hook(self, name: str) -> None:
        """Removes a hook of this link.

        Raises:
            KeyError: There is none of that name.
        """
        if name not in self.local_link_hooks:
            raise KeyError(f'delete_hook: {type(self).__name__} has no hook named {name!r}')
        self.local_link_hooks.pop(name).deleted(self)

    # --- what is inside

    def _named_children(self) -> Iterable[tuple[str, Link]]:
        """The children and their names; all that walks over the tree is built on this."""
        return ()

    def children(self) -> Iterator[Link]:
        """The child links, in the order of definition."""
        return (child for _, child in self._named_children())

    def namedlinks(self, skipself: bool = False) -> Iterator[tuple[str, Link]]:
        """All links of the tree with their paths, such as ``'/l1'``; the link itself is ``'/'``.

        Args:
            skipself: Leave the link itself out.
        """
        if not skipself:
            yield '/', self
        for name, child in self._named_children():
            for path, link in child.namedlinks():
                yield f'/{name}{path}'.rstrip('/'), link

    def links(self, skipself: bool = False) -> Iterator[Link]:
        """All links of the tree, parents before children.

        Args:
            skipself: Leave the link itself out.
        """
        if not skipself:
            yield self
        for _, child in self._named_children():
            yield from child.links()

    def namedparams(self, include_uninit: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters of the tree with their paths, such as ``'/l1/W'``.

        A parameter that several links share, and those of a link with several names, come with each of their paths.

        Args:
            include_uninit: Include those whose array does not exist yet.
        """
        for path, link in self.namedlinks():
            for name, param in link._own_params(include_uninit):
                yield f'{path.rstrip("/")}/{name}', param

    def params(self, include_uninit: bool = True) -> Iterator[Parameter]:
        """All parameters of the tree, each one once, in the order of definition.

        Args:
            include_uninit: Include those whose array does not exist yet.
        """
        seen: set[int] = set()
        for link in self.links():
            for _, param in link._own_params(include_uninit):
                if id(param) not in seen:
                    seen.add(id(param))
                    yield param

    def _own_params(self, include_uninit: bool) -> list[tuple[str, Parameter]]:
        """The names of this link's parameters, and the parameters."""
        attributes = self.__dict__
        return [(name, attributes[name]) for name in self._params
                if include_uninit or attributes[name].array is not None]

    def namedpersistents(self) -> Iterator[tuple[str, Any]]:
        """All persistent values of the tree (see `add_persistent`) with their paths, such as ``'/bn/avg_mean'``."""
        for path, link in self.namedlinks():
            for name in link._persistent:
                yield f'{path.rstrip("/")}/{name}', link.__dict__[name]

    def count_params(self) -> int:
        """The number of trainable numbers in all parameters; warns of those whose shape is not known yet."""
        unknown = [path for path, param in self.namedparams() if param.array is None]
        if unknown:
            warnings.warn(f'count_params: not initialized, so not counted: {", ".join(unknown)}; '
                          'call the model once', stacklevel=2)
        return sum(param.size for param in self.params(include_uninit=False))

    # --- copies

    def copy(self: _Link, mode: str = 'share') -> _Link:
        """Copies the link and all that is below it.

        Args:
            mode: ``'share'``: the copy has parameters (and gradients) of its own on the same arrays. ``'copy'``: the
                arrays are copied. ``'init'``: they are initialized anew.

        Raises:
            ValueError: Unknown `mode`.

        Example:
            >>> import autograd_nn.links as L
            >>> a = L.Linear(3, 2)
            >>> b = a.copy()
            >>> b.W is a.W, b.W.array is a.W.array
            (False, True)
        """
        if mode == 'share':
            return self._shared_copy({})
        if mode not in ('copy', 'init'):
            raise ValueError(f"copy: expected mode 'share', 'copy' or 'init', got {mode!r}")
        copied = copy.deepcopy(self)
        if mode == 'init':
            for param in copied.params(include_uninit=False):
                if isinstance(param, Parameter):
                    shape = param.shape
                    param.cleargrad()
                    param.array = None
                    param.initialize(shape)
        return copied

    def _shared_copy(self: _Link, memo: dict[int, Any]) -> _Link:
        """A copy with the same arrays; `memo` has what is copied already, so that shared parts stay shared."""
        if id(self) in memo:
            return memo[id(self)]
        copied = memo[id(self)] = copy.copy(self)
        attributes = copied.__dict__
        attributes.update(name=None, _params=dict(self._params), _persistent=dict(self._persistent))
        if self._local_link_hooks is not None:
            attributes['_local_link_hooks'] = dict(self._local_link_hooks)
        for name in self._params:
            param = attributes[name]
            attributes[name] = memo[id(param)] if id(param) in memo else memo.setdefault(id(param), copy.copy(param))
        copied._copy_children(memo)
        return copied

    def _copy_children(self, memo: dict[int, Any]) -> None:
        """Replaces the children of the original, in a copy, by copies."""

    def remember_attributes(self) -> Callable[[], None]:
        """Remembers which attributes all links of the tree have now, for a computation that may turn out to be void.

        Returns:
            A function that brings them back. What was written into an array meanwhile stays there.

        Example:
            >>> import numpy as np, autograd_nn.links as L
            >>> lstm = L.LSTM(3, 2)
            >>> restore = lstm.remember_attributes()
            >>> h = lstm(np.ones((1, 3), 'f'))
            >>> restore()
            >>> lstm.h is None
            True
        """
        remembered = [(link.__dict__, dict(link.__dict__)) for link in self.links()]

        def restore() -> None:
            for attributes, values in remembered:
                attributes.clear()
                attributes.update(values)

        return restore

    def copyparams(self, link: Link, copy_persistent: bool = True) -> None:
        """Copies the values of all parameters from a link of the same structure, across devices too.

        Args:
            link: The source.
            copy_persistent: Also copy the persistent values.

        Raises:
            ValueError: The source lacks something, or has it with another shape.
        """
        source, target = link.__dict__, self.__dict__
        for name in [*self._params, *(self._persistent if copy_persistent else ())]:
            if name not in source:
                raise ValueError(f'copyparams: {type(link).__name__} has no {name!r}, {type(self).__name__} has')
        for name in self._params:
            target[name].copydata(source[name])
        for name in self._persistent if copy_persistent else ():
            if backend.is_array(target[name]) and backend.is_array(source[name]):
                backend.copyto(target[name], source[name])
            else:
                target[name] = copy.deepcopy(source[name])
        for child, other in self._zip_children(link, 'copyparams'):
            child.copyparams(other, copy_persistent)

    def addgrads(self, link: Link) -> None:
        """Adds the gradients of all parameters of a link of the same structure to this one's.

        Args:
            link: The other link, on this device or another.

        Raises:
            ValueError: The structures differ.
        """
        for name in self._params:
            self.__dict__[name].addgrad(link.__dict__[name])
        for child, other in self._zip_children(link, 'addgrads'):
            child.addgrads(other)

    def _zip_children(self, link: Link, caller: str) -> list[tuple[Link, Link]]:
        """Pairs the children of two links by name."""
        others = dict(link._named_children())
        pairs = []
        for name, child in self._named_children():
            if name not in others:
                raise ValueError(f'{caller}: {type(link).__name__} has no child {name!r}, {type(self).__name__} has')
            pairs.append((child, others[name]))
        return pairs

    # --- gradients and updates

    def cleargrads(self) -> None:
        """Forgets the gradients of all parameters; to be called before every backward pass."""
        for param in self.params():
            param.cleargrad()

    def zerograds(self) -> None:
        """Sets the gradients of all parameters to zeros; `cleargrads` is cheaper."""
        for param in self.params(include_uninit=False):
            param.zerograd()

    def enable_update(self) -> None:
        """Lets optimizers update all parameters again."""
        self._set_update_enabled(True)

    def disable_update(self) -> None:
        """Keeps optimizers from updating the parameters below this link (after ``optimizer.setup``)."""
        self._set_update_enabled(False)

    def _set_update_enabled(self, enabled: bool) -> None:
        for param in self.params():
            if param.update_rule is not None:
                param.update_rule.enabled = enabled

    @property
    def update_enabled(self) -> bool:
        """Whether an optimizer updates at least one of the parameters."""
        return any(param.update_rule is not None and param.update_rule.enabled for param in self.params())

    def freeze(self: _Link) -> _Link:
        """Keeps everything below this link as it is while the rest of a network learns, as in fine-tuning.

        No gradients are computed for the parameters, so that backpropagation ends where it meets nothing but frozen
        links; optimizers leave them alone, weight decay included; `links.BatchNormalization` works as at inference.
        Dropout goes by ``config.train`` as ever.

        Returns:
            This link.

        Example:
            >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
            >>> model = ann.Sequential(L.Linear(3, 4), L.Linear(4, 2))
            >>> _ = model[0].freeze()
            >>> model(np.ones((1, 3), 'f')).sum().backward()
            >>> [path for path, param in model.namedparams() if param.grad is not None]
            ['/1/W', '/1/b']
        """
        self._set_frozen(True)
        return self

    def freeze_until(self: _Link, name: str) -> _Link:
        """Freezes a network's layers up to and including one (see `freeze`).

        Args:
            name: The name of a child, or of a stage in the networks of the zoo. Heads beside the main path, and
                parameters of the link itself, are left alone.

        Returns:
            This link.

        Raises:
            ValueError: There is no layer of that name; the message lists those there are.
        """
        layers = self._layers_in_order()
        if name not in layers:
            raise ValueError(f'freeze_until: {type(self).__name__} has no layer {name!r}; '
                             f'expected one of {", ".join(layers)}')
        for layer, links in layers.items():
            for link in links:
                link.freeze()
            if layer == name:
                break
        return self

    def _layers_in_order(self) -> dict[str, list[Link]]:
        """The links on the main path by the names of the layers that they make up."""
        return {name: [child] for name, child in self._named_children()}

    def unfreeze(self: _Link) -> _Link:
        """Lets everything below this link learn again.

        Returns:
            This link.
        """
        self._set_frozen(False)
        return self

    def _set_frozen(self, frozen: bool) -> None:
        for link in self.links():
            link.frozen = frozen
        for param in self.params():
            param.requires_grad = not frozen and has_gradient(param.dtype)
            param.cleargrad()

    # --- devices

    def device_resident_accept(self, visitor: DeviceResidentsVisitor) -> None:
        super().device_resident_accept(visitor)
        attributes = self.__dict__
        for name in self._params:
            visitor.visit_variable(attributes[name])
        for name in self._persistent:
            if backend.is_array(attributes[name]):
                attributes[name] = visitor.visit_array(attributes[name])
        for child in self.children():
            child.device_resident_accept(visitor)

    # --- saving and loading

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Saves to a serializer or loads from a deserializer: every parameter, persistent value and child by its name.

        Args:
            serializer: A serializer stores what it is called with, ``serializer(name, value)``, and returns it; a
                deserializer returns what is stored. ``serializer[name]`` is for a child.
        """
        attributes = self.__dict__
        for name in self._params:
            param = attributes[name]
            loaded = serializer(name, param.array)
            if param.array is None and loaded is not None:
                param.array = param.device.send(loaded.astype(param.dtype))
        for name in self._persistent:
            attributes[name] = self._device.send(serializer(name, attributes[name]))
        for name, child in self._named_children():
            child.serialize(serializer[name])

    # --- as text

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        """The arguments that ``print(link)`` shows, as pairs of name and value; for subclasses to override."""
        return ()

    def _printable_children(self) -> Iterable[str]:
        return (f'{name}={child!r}' for name, child in self._named_children())

    def __repr__(self) -> str:
        specs = [f'{name}={describe(value)}' for name, value in self.printable_specs]
        children = list(self._printable_children())
        if not children:
            return f'{type(self).__name__}({", ".join(specs)})'
        lines = ''.join(f'{line},\n' for line in specs + children)
        return f'{type(self).__name__}(\n' + ''.join(f'    {line}\n' for line in lines.splitlines()) + ')'

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for every link that has parameters."""
        rows = []
        for path, link in self.namedlinks():
            params = link._own_params(True)
            if params:
                shapes = ', '.join(f'{name} {"?" if param.array is None else param.shape}' for name, param in params)
                rows.append((path, type(link).__name__, shapes))
        total = sum(param.size for param in self.params(include_uninit=False))
        caption = f'{type(self).__name__}: {total:,} parameters'
        if len(rows) > _SHOWN_ROWS:
            caption += f'; the first {_SHOWN_ROWS} of {len(rows)} layers'
        return html_table(['layer', 'class', 'parameters'], rows[:_SHOWN_ROWS], caption)


def _find_strangers(value: Any, depth: int = 3) -> Iterator[Parameter | Link]:
    """The parameters and links in lists, tuples and dicts, and in those within them, that no link has registered."""
    if isinstance(value, (Parameter, Link)):
        if value.name is None:
            yield value
    elif depth and isinstance(value, (list, tuple, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _find_strangers(each, depth - 1)


def describe(value: Any) -> str:
    """`value` as ``print(model)`` shows it: functions by their names, arrays by their shapes."""
    if isinstance(value, partial):
        arguments = [describe(value.func), *map(describe, value.args)]
        arguments += [f'{name}={describe(x)}' for name, x in value.keywords.items()]
        return f'partial({", ".join(arguments)})'
    if backend.is_array(value):
        return f'<array of shape {value.shape}, {value.dtype}>'
    if isinstance(value, np.dtype):
        return value.name
    return getattr(value, '__name__', None) or repr(value)


class Chain(Link):
    """A link made of named child links: the usual base class of a network.

    Child links assigned inside ``with self.init_scope():`` are registered, as parameters are.

    Args:
        links: Child links by name.

    Example:
        >>> import autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> class MLP(ann.Chain):
        ...     def __init__(self, n_units, n_out):
        ...         super().__init__()
        ...         with self.init_scope():
        ...             self.l1 = L.Linear(None, n_units)
        ...             self.l2 = L.Linear(n_units, n_out)
        ...
        ...     def forward(self, x):
        ...         return self.l2(F.relu(self.l1(x)))
        >>> print(MLP(100, 10))
        MLP(
            l1=Linear(in_size=None, out_size=100, nobias=False),
            l2=Linear(in_size=100, out_size=10, nobias=False),
        )
    """

    def __init__(self, **links: Link) -> None:
        super().__init__()
        self._children: dict[str, None] = {}
        for name, link in links.items():
            self.add_link(name, link)

    def __getitem__(self, name: str) -> Any:
        """The child of that name, or any other attribute.

        Raises:
            KeyError: There is none.
        """
        if not hasattr(self, name):
            raise KeyError(f'{type(self).__name__} has no child {name!r}, only {", ".join(self._children)}')
        return getattr(self, name)

    def _register(self, name: str, value: Parameter | Link) -> bool:
        if isinstance(value, Parameter):
            return super()._register(name, value)
        if self._within_init_scope:
            self._require_free(name)
            self._children[name] = None
        if name in self._children:
            value.name = name
        return name in self._children

    def _forget(self, name: str) -> None:
        super()._forget(name)
        self._children.pop(name, None)

    def add_link(self, name: str, link: Link) -> None:
        """Adds a child; the same as assigning it in `init_scope`.

        Args:
            name: The attribute's name.
            link: The child.

        Raises:
            AttributeError: There is an attribute of that name.
            TypeError: `link` is not a link.
        """
        _require_link(link, 'add_link')
        with self.init_scope():
            setattr(self, name, link)

    def _named_children(self) -> Iterable[tuple[str, Link]]:
        return [(name, self.__dict__[name]) for name in self._children]

    def _copy_children(self, memo: dict[int, Any]) -> None:
        self._children = dict(self._children)
        for name, child in self._named_children():
            self.__dict__[name] = copied = child._shared_copy(memo)
            copied.name = name


class ChainList(Link, MutableSequence):
    """A link made of a list of child links, for a number of layers that only the program knows.

    It behaves as a list. The children's names, and thus the paths of their parameters, are their positions.

    Args:
        links: Child links.

    Example:
        >>> import autograd_nn as ann, autograd_nn.links as L
        >>> layers = ann.ChainList(*[L.Linear(4, 4) for _ in range(2)])
        >>> [path for path, param in layers.namedparams()]
        ['/0/W', '/0/b', '/1/W', '/1/b']
    """

    def __init__(self, *links: Link) -> None:
        super().__init__()
        self._children: list[Link] = []
        for link in links:
            self.add_link(link)

    def _register(self, name: str, value: Parameter | Link) -> bool:
        if isinstance(value, Link) and self._within_init_scope:
            raise TypeError(f'{type(self).__name__}.{name}: a ChainList registers no link by attribute; '
                            'use append, or derive from Chain')
        return super()._register(name, value)

    def add_link(self, link: Link) -> None:
        """Appends a child; the same as ``append``.

        Raises:
            TypeError: `link` is not a link.
        """
        self.insert(len(self._children), link)

    def insert(self, index: int, link: Link) -> None:
        """Inserts a child before position `index`.

        Raises:
            TypeError: `link` is not a link.
        """
        _require_link(link, 'ChainList')
        self._children.insert(index, link)
        self._rename()

    def _rename(self) -> None:
        for i, link in enumerate(self._children):
            link.name = str(i)

    def __getitem__(self, index: Any) -> Any:
        """The child at a position, or the list of those in a slice."""
        return self._children[index]

    def __setitem__(self, index: Any, link: Any) -> None:
        for child in link if isinstance(index, slice) else (link,):
            _require_link(child, 'ChainList')
        self._children[index] = link
        self._rename()

    def __delitem__(self, index: Any) -> None:
        del self._children[index]
        self._rename()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._children)

    def __len__(self) -> int:
        return len(self._children)

    def _named_children(self) -> Iterable[tuple[str, Link]]:
        return [(str(i), link) for i, link in enumerate(self._children)]

    def _printable_children(self) -> Iterable[str]:
        return map(repr, self._children)

    def _copy_children(self, memo: dict[int, Any]) -> None:
        self._children = [child._shared_copy(memo) for child in self._children]
        self._rename()


def _require_link(link: Any, caller: str) -> None:
    if not isinstance(link, Link):
        raise TypeError(f'{caller}: expected a Link, got {type(link).__name__}')
