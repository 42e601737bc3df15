"""What hooks have in common that let a link compute with something made of its weight."""
from __future__ import annotations

import math
import threading
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from autograd_nn.link import Link
from autograd_nn.link_hook import ForwardPostprocessCallbackArgs, ForwardPreprocessCallbackArgs, LinkHook
from autograd_nn.links.activation.simplified_dropconnect import SimplifiedDropconnect
from autograd_nn.links.connection.fully_connected import Linear
from autograd_nn.links.connection.local_convolution_2d import LocalConvolution2D
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Parameter, Variable

# While a thread computes with something in the place of a link's weight, others wait: they would find it there, or the
# parameter in the middle of their own computation. Not in the links, as locks can neither be copied nor pickled.
_LOCKS: WeakKeyDictionary[Link, Any] = WeakKeyDictionary()


class WeightHook(LinkHook):
    """While a link computes, its weight is a Variable that was computed from the parameter; then, the parameter again.

    Args:
        weight_name: The attribute of the link that is the weight.
        name: The name of the hook; that of its class by default.
    """

    def __init__(self, weight_name: str, name: str | None) -> None:
        self.weight_name = weight_name
        if name is not None:
            self.name = name

    def normalize_weight(self, link: Link) -> Variable:
        """What takes the place of the weight."""
        raise NotImplementedError

    def __enter__(self) -> NoReturn:
        raise NotImplementedError(f'{type(self).__name__} is not for all links, so it is no context manager: '
                                  'call add_hook of a link')

    def added(self, link: Link | None) -> None:
        if not isinstance(getattr(link, self.weight_name, None), Parameter):
            raise ValueError(f'{self.name}: {type(link).__name__} has no parameter {self.weight_name!r}')

    def forward_preprocess(self, args: ForwardPreprocessCallbackArgs) -> None:
        link = args.link
        lock = _LOCKS.setdefault(link, threading.RLock())
        lock.acquire()
        try:
            weight = getattr(link, self.weight_name)
            if not weight.is_initialized:
                self._initialize(link, *args.args, **args.kwargs)
            replacement = self.normalize_weight(link)
            # Several hooks may follow one another: what the first of them found comes back.
            vars(link).setdefault(self._place, weight)
            setattr(link, self.weight_name, replacement)
        except BaseException:
            lock.release()
            raise

    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None:
        self._restore(args.link)

    def forward_failed(self, args: ForwardPreprocessCallbackArgs) -> None:
        self._restore(args.link)

    @property
    def _place(self) -> str:
        return f'_parameter_{self.weight_name}'

    def _restore(self, link: Link) -> None:
        weight = vars(link).pop(self._place, None)
        if weight is not None:
            setattr(link, self.weight_name, weight)
        _LOCKS[link].release()

    def _initialize(self, link: Any, x: ArrayLike, *args: Any, **kwargs: Any) -> None:
        """Gives the weight its shape, as the link would do itself in its first call."""
        if not hasattr(link, '_initialize_params'):
            raise ValueError(f'{self.name}: {type(link).__name__} settles the shape of {self.weight_name!r} in its '
                             'first call, so call it before you add the hook')
        if isinstance(link, Linear):
            link._initialize_params(_features(x, *args, **kwargs))
        elif isinstance(link, SimplifiedDropconnect):
            link._initialize_params(_features(x))
        elif isinstance(link, LocalConvolution2D):
            link._initialize_params(x.shape[1], x.shape[2:])
        else:
            link._initialize_params(x.shape[1])


def _features(x: ArrayLike, n_batch_axes: int = 1, **options: Any) -> int:
    """The number of features of a sample; the arguments are those of `Linear`."""
    return math.prod(x.shape[n_batch_axes:])
