"""A network that is a row of layers."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from autograd_nn.link import ChainList, Link, describe

_Method = TypeVar('_Method', bound=Callable[..., Any])


class Fusion(NamedTuple):
    """What a layer agrees to in a row of layers.

    Attributes:
        absorb: Tells, for the layer and those that follow it, how many of the first of them the layer computes itself,
            faster than they would, and with which keyword arguments; None where it computes none.
        is_affine: Whether ``scale_and_shift()`` says what the layer does at inference, so that others can do it.
    """

    absorb: Callable[[Any, Sequence[Callable[..., Any]]], tuple[int, dict[str, Any]]] | None
    is_affine: bool


# By the very method that agreed, so that whatever takes its place has not: a subclass's, or one that was patched in.
_fusions: dict[Any, Fusion] = {}
_CALL = Link.__call__


def fusible(absorb: Any = None, is_affine: bool = False) -> Callable[[_Method], _Method]:
    """Decorates the ``forward`` of a link, or the ``__call__`` of another layer, that agrees to be fused.

    Without arguments it agrees that others who know its class compute what it does.

    Args:
        absorb: See `Fusion`.
        is_affine: See `Fusion`.
    """
    def register(method: _Method) -> _Method:
        _fusions[method] = Fusion(absorb, is_affine)
        return method

    return register


def fusion_of(layer: Any) -> Fusion | None:
    """What a layer agrees to; None if it did not, or if its call is more than the method that did.

    That is so where the class has a ``__call__`` of its own, the object has a ``forward`` of its own, or a hook wants
    to see the call.
    """
    kind = type(layer)
    if not isinstance(layer, Link):
        return _fusions.get(kind.__call__)
    if kind.__call__ is not _CALL or 'forward' in layer.__dict__ or layer._is_watched:
        return None
    return _fusions.get(kind.forward)


def run_layers(layers: Iterable[Callable[..., Any]], *x: Any) -> Any:
    """Calls layers in turn, as a `Sequential` does.

    A layer computes those that follow it in its own kernel where all of them agreed to it (see `fusible`).

    Args:
        layers: Callables.
        x: The arguments of the first layer.

    Returns:
        What the last layer returns; `x` itself where there are no layers.
    """
    out: Any = x if len(x) != 1 else x[0]
    rest = list(layers)
    while rest:
        layer = rest.pop(0)
        fusion = fusion_of(layer)
        count, options = (0, {}) if fusion is None or fusion.absorb is None else fusion.absorb(layer, rest)
        del rest[:count]
        if isinstance(out, tuple):
            out = layer(*out, **options)
        elif isinstance(out, dict):
            out = layer(**out, **options)
        else:
            out = layer(out, **options)
    return out


class Sequential(ChainList):
    """A link that calls layer after layer, each on what the one before returned.

    Layers are links, functions and any other callables. A layer that returns a tuple passes several arguments on, one
    that returns a dict passes keyword arguments. A Sequential is a list: it can be indexed, sliced, extended, and
    added to another. Paths of parameters count the links only, so that ``Sequential(Linear(3, 3), relu, Linear(3, 3))``
    has ``/0/W`` and ``/1/W``; of more than two links the first is 0, the second has the greatest number, and the others
    count down, for that is what they are called in files of Chainer.

    Args:
        layers: Callables.

    Raises:
        TypeError: A layer is not callable.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> model = ann.Sequential(L.Linear(3, 4), F.relu, L.Linear(4, 2))
        >>> model(np.zeros((5, 3), 'f')).shape
        (5, 2)
        >>> print(model)
        Sequential(
            Linear(in_size=3, out_size=4, nobias=False),
            relu,
            Linear(in_size=4, out_size=2, nobias=False),
        )
    """

    # Those of `training.model.Trainable`, which stands above this module and attaches them.
    if TYPE_CHECKING:
        compile: Callable[..., None]
        fit: Callable[..., Any]
        evaluate: Callable[..., dict[str, float]]
        predict: Callable[..., Any]
        train_on_batch: Callable[..., dict[str, float]]
        test_on_batch: Callable[..., dict[str, float]]
        save: Callable[..., None]
        summary: Callable[..., Any]
        learner: Any

    def __init__(self, *layers: Callable[..., Any]) -> None:
        super().__init__()
        self._layers: list[Callable[..., Any]] = []
        self.extend(layers)

    def forward(self, *x: Any) -> Any:
        """Calls the layers in turn.

        Args:
            x: The arguments of the first layer.

        Returns:
            What the last layer returns; `x` itself where there are no layers.
        """
        return run_layers(self._layers, *x)

    # --- the list of layers; that of the children follows it

    def _rename(self) -> None:
        self._children = [layer for layer in self._layers if isinstance(layer, Link)]
        for name, link in self._named_children():
            link.name = name

    def _named_children(self) -> Iterable[tuple[str, Link]]:
        # Chainer puts each link behind the first one, if that is the first layer, and names them by the place that they
        # have then; so are they called in its files.
        first = next((i for i, layer in enumerate(self._layers) if isinstance(layer, Link)), 0)
        order: list[int] = []
        for i in range(len(self._children)):
            order.insert(first + 1, i)
        names = {i: str(place) for place, i in enumerate(order)}
        return [(names[i], link) for i, link in enumerate(self._children)]

    def insert(self, index: int, link: Callable[..., Any]) -> None:
        """Inserts a layer before position `index`.

        Raises:
            TypeError: `link` is not callable.
        """
        _require_callable(link)
        self._layers.insert(index, link)
        self._rename()

    def add_link(self, link: Link) -> None:
        """Appends a layer; the same as ``append``."""
        self.insert(len(self._layers), link)

    def __getitem__(self, index: Any) -> Any:
        """The layer at a position, or a Sequential of the layers in a slice, which are shared."""
        return Sequential(*self._layers[index]) if isinstance(index, slice) else self._layers[index]

    def __setitem__(self, index: Any, layer: Any) -> None:
        for one in layer if isinstance(index, slice) else (layer,):
            _require_callable(one)
        self._layers[index] = layer
        self._rename()

    def __delitem__(self, index: Any) -> None:
        del self._layers[index]
        self._rename()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __add__(self, other: Any) -> Sequential:
        """A Sequential of the layers of both, which are shared."""
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented

    def flatten(self) -> Sequential:
        """A Sequential in which nested ones are replaced by their layers, which are shared.

        Example:
            >>> import autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
            >>> block = ann.Sequential(L.Linear(3, 3), F.relu)
            >>> len(block.repeat(4)), len(block.repeat(4).flatten())
            (4, 8)
        """
        flat: list[Callable[..., Any]] = []
        for layer in self._layers:
            flat.extend(layer.flatten() if isinstance(layer, Sequential) else (layer,))
        return Sequential(*flat)

    def count_by_layer_type(self, type_name: str) -> int:
        """The number of layers of a type, such as ``'Linear'`` or ``'relu'``."""
        return sum(_type_name(layer) == type_name for layer in self._layers)

    def remove_by_layer_type(self, type_name: str) -> None:
        """Removes all layers of a type, such as ``'Linear'`` or ``'relu'``."""
        self._layers = [layer for layer in self._layers if _type_name(layer) != type_name]
        self._rename()

    # --- copies and text

    def _copy_children(self, memo: dict[int, Any]) -> None:
        self._layers = [layer._shared_copy(memo) if isinstance(layer, Link) else layer for layer in self._layers]
        self._rename()

    def _printable_children(self) -> Iterable[str]:
        return map(describe, self._layers)


def _require_callable(layer: Any) -> None:
    if not callable(layer):
        raise TypeError(f'Sequential: expected callable layers, got {type(layer).__name__}')


def _type_name(layer: Callable[..., Any]) -> str:
    return type(layer).__name__ if isinstance(layer, Link) else getattr(layer, '__name__', type(layer).__name__)


def repeat(self: Link, n_repeat: int, mode: str = 'init') -> Sequential:
    """Stacks copies of this link in a `Sequential`.

    Args:
        n_repeat: How many.
        mode: How to copy, see `Link.copy`: with parameters initialized anew, copied, or shared.

    Returns:
        A Sequential of `n_repeat` copies.

    Raises:
        ValueError: `n_repeat` is negative, or `mode` is unknown.

    Example:
        >>> import autograd_nn.links as L
        >>> print(L.Linear(3, 3, nobias=True).repeat(2))
        Sequential(
            Linear(in_size=3, out_size=3, nobias=True),
            Linear(in_size=3, out_size=3, nobias=True),
        )
    """
    if n_repeat < 0:
        raise ValueError(f'repeat: expected n_repeat of 0 or more, got {n_repeat}')
    return Sequential(*[self.copy(mode) for _ in range(n_repeat)])


Link.repeat = repeat  # type: ignore[method-assign]
