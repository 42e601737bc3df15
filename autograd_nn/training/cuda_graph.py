"""Training steps that are captured as CUDA graphs: gradients without the Python code that computes them."""
from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn import cuda
from autograd_nn.config import config
from autograd_nn.cuda import cublas
from autograd_nn.cuda.capture import CapturedGraph, CaptureError
from autograd_nn.dtypes import is_half
from autograd_nn.function_hook import get_function_hooks
from autograd_nn.link import Link
from autograd_nn.optimizer import GradientMethod
from autograd_nn.reporter import Reporter, get_current_reporter, report_scope
from autograd_nn.variable import Variable, as_array

_logger = logging.getLogger(__name__)

_MAX_GRAPHS = 4
_SETTINGS = ('train', 'enable_backprop', 'dtype', 'use_cudnn', 'cudnn_deterministic', 'keep_graph_on_report')


class GraphedSteps:
    """Updates with an optimizer whose gradients are computed by CUDA graphs, one for each kind of minibatch.

    A kind runs as usual until it comes twice in a row, which leaves the smaller last minibatch of an epoch alone. The
    next time it is captured and launched; the time after that, it runs as usual and is launched as well, and the two
    results are compared. From then on it is only launched. What cannot be captured, or differs, runs as usual for good;
    a warning says why.

    Args:
        optimizer: The optimizer.
    """

    def __init__(self, optimizer: GradientMethod) -> None:
        self.optimizer = optimizer
        self._steps: dict[Any, _Step] = {}
        self._last: Any = None
        self._refused = False

    def update(self, lossfun: Callable[..., Variable], *args: Any, **kwds: Any) -> None:
        """As `GradientMethod.update`."""
        obstacle = self._obstacle()
        if self._refused or obstacle:
            if obstacle:
                _logger.debug('a step is not launched as a CUDA graph: %s', obstacle)
            self._last = None
            self.optimizer.update(lossfun, *args, **kwds)
            return
        arrays: dict[Any, Any] = {**dict(enumerate(args)), **kwds}
        key, last = self._kind(lossfun, arrays), self._last
        self._last = key
        step = self._steps.get(key)
        if step is None and (key != last or not self._has_room(key)):
            self.optimizer.update(lossfun, *args, **kwds)
            return
        try:
            if step is None:
                step = self._steps[key] = _Step(self.optimizer, lossfun, len(args), arrays)
                step.launch(arrays)
            elif not step.checked:
                step.check(lossfun, args, kwds, arrays)
            else:
                step.launch(arrays)
        except CaptureError as error:
            _logger.warning('training goes on without CUDA graphs: %s', error)
            self._refused = True
            self._steps.clear()
            if step is None or not step.computed:
                self.optimizer.update(lossfun, *args, **kwds)
                return
        self.optimizer.apply_gradients(self.optimizer.loss_scale)

    def _has_room(self, key: Any) -> bool:
        """Forgets the graphs of arrays that were replaced; whether another graph may be kept."""
        for other in [other for other in self._steps if other[-1] != key[-1]]:
            del self._steps[other]
        if len(self._steps) >= _MAX_GRAPHS:
            _logger.debug('a step is not captured: %d CUDA graphs are kept already', len(self._steps))
        return len(self._steps) < _MAX_GRAPHS

    def _obstacle(self) -> str | None:
        if config.debug or get_function_hooks():
            return 'debug mode or a hook is active'
        if any(link._is_watched for link in self.optimizer.target.links()):
            return 'a hook watches the links'
        if any(not param.is_initialized for param in self.optimizer.target.params()):
            return 'a parameter has no shape yet'
        return None

    def _kind(self, lossfun: Any, arrays: dict[Any, Any]) -> Any:
        """What a graph depends on; last of all the places of the arrays that it reads and writes."""
        target = self.optimizer.target
        places = tuple([_place(array) for array in [*[p.array for p in target.params()], *_persistent_arrays(target)]])
        flags = tuple([p.requires_grad for p in target.params()]), tuple([link.frozen for link in target.links()])
        inputs = tuple([(name, getattr(x, 'shape', None), str(getattr(x, 'dtype', x))) for name, x in arrays.items()])
        return lossfun, inputs, flags, tuple([getattr(config, name) for name in _SETTINGS]), _reporter(), places


class _Step:
    """One kind of step: its graph, and the arrays through which minibatches come in and results go out."""

    def __init__(self, optimizer: GradientMethod, lossfun: Callable[..., Variable], positional: int,
                 arrays: dict[Any, Any]) -> None:
        self.optimizer = optimizer
        self.checked = self.computed = False
        for name, x in arrays.items():
            if not isinstance(x, cuda.ndarray):
                raise CaptureError(f'argument {name} of the loss function is no array on a GPU, but a '
                                   f'{type(x).__name__}')
        self.inputs = {name: x.copy() for name, x in arrays.items()}
        # Filled before each launch, so it must not lie in the graph's memory, which the graph itself uses again.
        self.scale = cuda.cupy.empty((), np.float64)
        self.observation: dict[str, Any] = {}
        numbers = _host_numbers(optimizer.target)
        restore_links = optimizer.target.remember_attributes()

        def compute() -> None:
            values = [self.inputs[i] for i in range(positional)]
            loss = lossfun(*values, **{name: x for name, x in self.inputs.items() if isinstance(name, str)})
            optimizer.clear_gradients()
            loss.grad = self.scale.astype(loss.dtype).reshape(loss.shape)
            loss.backward()

        # The graph reads what the function has left somewhere in the step before, and replaces now, once more in each
        # launch: until `check` has refused such a graph, that memory is nobody else's.
        self._kept = [each for each in gc.get_objects() if isinstance(each, cuda.ndarray)]
        cublas.prepare()
        try:
            with Reporter() if _reporter() is None else report_scope(self.observation):
                self.graph = CapturedGraph(compute)
            changed = [path for path, value in _host_numbers(optimizer.target).items() if value != numbers.get(path)]
            if changed:
                raise CaptureError(f'it changes {", ".join(changed)} on the host')
            for name, value in self.observation.items():
                if not isinstance(as_array(value), cuda.ndarray):
                    raise CaptureError(f'it reports {name}, which is not on the GPU')
        except CaptureError:
            # Nothing was computed: what the function has left in the links is not to be read.
            restore_links()
            raise
        self.gradients = [(param, param.grad) for param in optimizer.target.params()]

    def launch(self, arrays: dict[Any, Any]) -> None:
        """Computes the gradients of a minibatch, and reports what the loss function reports."""
        for name, x in arrays.items():
            self.inputs[name][...] = x
        scale = self.optimizer.loss_scale
        self.scale.fill(1 if scale is None else scale)
        self.graph.launch()
        for param, grad in self.gradients:
            param.grad = grad
        reporter = _reporter()
        if reporter is not None:
            # The next launch writes to the same arrays.
            reporter.observation.update({name: Variable(as_array(value).copy(), requires_grad=False)
                                         for name, value in self.observation.items()})

    def check(self, lossfun: Callable[..., Variable], args: Any, kwds: Any, arrays: dict[Any, Any]) -> None:
        """Computes the gradients as usual, and makes sure that a launch finds the same.

        Raises:
            CaptureError: It does not. The gradients are those that were computed as usual.
        """
        target, state = self.optimizer.target, np.random.get_state()
        before = [array.copy() for array in _persistent_arrays(target)]
        self.optimizer.compute_gradients(lossfun, *args, **kwds)
        self.computed = True
        grads = [param.grad for param in target.params()]
        after, state_after = [array.copy() for array in _persistent_arrays(target)], np.random.get_state()
        _write(target, before)
        np.random.set_state(state)
        reporter = _reporter()
        observation = {} if reporter is None else dict(reporter.observation)
        self.launch(arrays)
        pairs = [(grad, param.grad) for param, grad in zip(target.params(), grads)]
        pairs += list(zip(after, _persistent_arrays(target)))
        if reporter is not None:
            pairs += [(as_array(observation.get(name)), as_array(reporter.observation[name]))
                      for name in self.observation]
            reporter.observation.update(observation)
        same = all(_agree(a, b) for a, b in pairs)
        _write(target, after)
        np.random.set_state(state_after)
        for param, grad in zip(target.params(), grads):
            param.grad = grad
        if not same:
            raise CaptureError('a second launch does not repeat the step: it branches, or keeps a state on the host')
        self._kept.clear()
        self.checked = True


def _reporter() -> Reporter | None:
    try:
        return get_current_reporter()
    except RuntimeError:
        return None


def _persistent_arrays(target: Link) -> list[Any]:
    """The arrays that a model's links keep besides parameters, such as running averages."""
    return [value for _, value in target.namedpersistents() if isinstance(value, cuda.ndarray)]


def _host_numbers(target: Link) -> dict[str, Any]:
    """What else they keep, by paths: numbers that a graph would not change."""
    return {path: value for path, value in target.namedpersistents() if not isinstance(value, cuda.ndarray)}


def _write(target: Link, values: list[Any]) -> None:
    """Writes values into the arrays that the links keep."""
    for array, value in zip(_persistent_arrays(target), values):
        array[...] = value


def _place(array: Any) -> Any:
    return (array.data.ptr, array.shape, array.strides, array.dtype.char) if isinstance(array, cuda.ndarray) else None


def _agree(a: Any, b: Any) -> bool:
    """Whether two arrays differ by no more than the order of sums explains."""
    if a is None or b is None:
        return a is b
    tolerance = 1e-2 if is_half(a.dtype) else 1e-4
    a, b = (cuda.to_cpu(x).astype('d') for x in (a, b))
    same = np.isfinite(a) == np.isfinite(b)
    finite = np.isfinite(a) & np.isfinite(b)
    a, b = a[finite], b[finite]
    return bool(same.all()) and bool((abs(a - b) <= tolerance * abs(a).max(initial=0)).all())
