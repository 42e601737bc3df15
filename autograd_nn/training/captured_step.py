"""Gradients by a CUDA graph: a training step whose kernels are always the same is captured once and launched again."""
from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from autograd_nn import backend, link_hook
from autograd_nn.config import config
from autograd_nn.cuda.capture import Capture, CaptureError
from autograd_nn.function_hook import FunctionHook
from autograd_nn.function_node import FunctionNode
from autograd_nn.link import Link
from autograd_nn.optimizer import GradientMethod
from autograd_nn.reporter import get_current_reporter, report_scope
from autograd_nn.variable import Variable

_logger = logging.getLogger(__name__)

# How often a step is done as usual before it is captured: parameters come into being, kernels are compiled, and it is
# seen whether the program does the same each time.
_TRIALS = 3
# For how many kinds of minibatches graphs are kept; each has memory of its own.
_MAX_STEPS = 4


class CapturedSteps:
    """Updates a model as its optimizer does; the gradients come by CUDA graphs as soon as they can.

    Loss and gradients are captured, for each kind of minibatch (shapes and types). The update of the parameters is not,
    since its numbers may change each time. Where something stands against it, steps are done as usual: for good, with
    a warning that says why, if it lies in the program; for this time if it is a hook, or the debug mode.

    Args:
        optimizer: The optimizer.

    Attributes:
        obstacle: Why steps are not captured any more, or None.

    Raises:
        TypeError: The optimizer does not work by gradients.
    """

    def __init__(self, optimizer: Any) -> None:
        if not isinstance(optimizer, GradientMethod):
            raise TypeError(f'CapturedSteps: expected a GradientMethod as optimizer, got {type(optimizer).__name__}')
        self.optimizer = optimizer
        self.obstacle: str | None = None
        self._steps: dict[Any, _Step] = {}

    def update(self, loss_func: Callable[..., Variable], *args: Any, **kwargs: Any) -> None:
        """Does one step.

        Args:
            loss_func: Computes the loss.
            args: Its arguments.
            kwargs: Its keyword arguments.
        """
        arrays: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        why = self.obstacle or self._why_not_now(arrays)
        if why is not None:
            _logger.debug('this step is not captured: %s', why)
            self.optimizer.update(loss_func, *args, **kwargs)
            return
        key = loss_func, config.train, str(config.dtype), config.use_cudnn, tuple(
            [(name, x.shape, x.dtype, x.strides) for name, x in arrays.items()])
        if key not in self._steps and len(self._steps) < _MAX_STEPS:
            self._steps[key] = _Step(self.optimizer, loss_func)
        if key not in self._steps or not self._try(self._steps[key], arrays):
            self.optimizer.update(loss_func, *args, **kwargs)

    def _try(self, step: _Step, arrays: dict[Any, Any]) -> bool:
        try:
            step.update(arrays)
        except CaptureError as error:
            self.obstacle = str(error)
            _logger.warning('training goes on without a CUDA graph, since the step cannot be captured: %s', error)
            self._steps.clear()
            return False
        return True

    def _why_not_now(self, arrays: dict[Any, Any]) -> str | None:
        target = self.optimizer.target
        if not all(backend.get_device_from_array(x).name.startswith('cuda') for x in arrays.values()):
            return 'an argument of the loss function is no array on a GPU'
        if config.debug or config._function_hooks or link_hook.active.hooks or any(
                link._local_link_hooks for link in target.links()):
            return 'hooks, or the debug mode, want to see each function'
        return None if self.optimizer._use_cleargrads else 'gradients are not cleared but set to zero'


class _Step:
    """The step for one kind of minibatch."""

    def __init__(self, optimizer: GradientMethod, loss_func: Callable[..., Variable]) -> None:
        self.optimizer = optimizer
        self.loss_func = loss_func
        self.trials: list[list[Any]] = []
        self.obstacle: str | None = None
        self.addresses: list[int] = []
        self.observation: dict[str, Any] = {}
        self.arrays: dict[Any, Any] = {}
        self.start: Any = None
        self.grads: list[tuple[Variable, Any]] = []
        self.capture = Capture()

    def update(self, arrays: dict[Any, Any]) -> None:
        """Does it.

        Raises:
            CaptureError: It cannot be captured; nothing has been done.
        """
        if len(self.trials) < _TRIALS:
            self._try(arrays)
            return
        if not self.capture.is_ready or self.addresses != self._find_addresses():
            self._capture(arrays)
        self._launch(arrays)

    def _try(self, arrays: dict[Any, Any]) -> None:
        with self.capture.aside():
            with _Watch(self.optimizer.target) as watch:
                self._find_gradients(arrays, self._scale)
            self.optimizer.apply_gradients(self.optimizer._loss_scale)
        self.trials.append(watch.seen)
        if watch.state is not None:
            self.obstacle = f'it uses what the step before has left in {watch.state}'

    def _find_gradients(self, arrays: dict[Any, Any], scale: float | None = None) -> None:
        """Computes the gradients of the loss multiplied by a number, or by what `start` holds by then."""
        loss = self.loss_func(*[x for name, x in arrays.items() if isinstance(name, int)],
                              **{name: x for name, x in arrays.items() if not isinstance(name, int)})
        self.optimizer.target.cleargrads()
        self.start = loss.xp.empty_like(loss.array)
        if scale is not None:
            self.start.fill(scale)
        # A loss of several numbers is an error, as it is otherwise.
        loss.grad = self.start if loss.size == 1 else None
        loss.backward()

    @property
    def _scale(self) -> float:
        scale = self.optimizer._loss_scale
        return 1.0 if scale is None else scale

    def _capture(self, arrays: dict[Any, Any]) -> None:
        if self.obstacle is not None:
            raise CaptureError(self.obstacle)
        for before, after in zip(self.trials[-2], self.trials[-1]):
            if before != after:
                raise CaptureError(f'it computed {_describe(after)} where it had computed {_describe(before)}')
        if len(self.trials[-2]) != len(self.trials[-1]):
            raise CaptureError(f'it computed {len(self.trials[-1])} functions, and {len(self.trials[-2])} before')
        target = self.optimizer.target
        self.arrays = {name: x.copy() for name, x in arrays.items()}
        if self.capture.is_ready:
            self.capture = Capture()
        self.observation = {}
        with _reporting_to(self.observation):
            self.capture.capture(lambda: self._find_gradients(self.arrays))
        self.grads = [(param, param.grad) for param in target.params(False)]
        self.addresses = self._find_addresses()

    def _launch(self, arrays: dict[Any, Any]) -> None:
        for name, x in arrays.items():
            self.arrays[name][...] = x
        # The scale may change from step to step.
        self.start.fill(self._scale)
        self.capture.launch()
        for param, grad in self.grads:
            param.grad = grad
        if self.observation:
            # The next launch writes to the same memory.
            get_current_reporter().observation.update({name: _copied(x) for name, x in self.observation.items()})
        self.optimizer.apply_gradients(self.optimizer._loss_scale)

    def _find_addresses(self) -> list[int]:
        """Where parameters and persistent values are: if they are replaced, a graph would not notice."""
        target = self.optimizer.target
        arrays = [param.array for param in target.params()]
        arrays += [link.__dict__[name] for link in target.links() for name in link._persistent]
        return [x.data.ptr if hasattr(x, 'data') and hasattr(x.data, 'ptr') else hash(x) for x in arrays]


class _Watch(FunctionHook):
    """Notes what a step computes: functions, their numbers, and the shapes and types of their inputs.

    Attributes:
        seen: All that, in order.
        state: The name of an attribute of a link that holds a result of the step before and is used, or None.
    """

    name = 'CapturedSteps'

    def __init__(self, target: Link) -> None:
        self.seen: list[Any] = []
        self.state: str | None = None
        # The arrays are kept, as the identity of one that is gone could be given to another.
        self._left = {id(array): (f'{type(link).__name__}.{name}', array) for link in target.links()
                      for name, array in _results(link)}

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        for x in in_data:
            if id(x) in self._left:
                self.state = self._left[id(x)][0]
        numbers = {name: value for name, value in vars(function).items() if isinstance(value, (bool, int, float, str))}
        self.seen.append((function.label, numbers, [(x.shape, x.dtype) for x in in_data]))

    def backward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...], out_grad: tuple[Any, ...]) -> None:
        self.seen.append((f'the gradient of {function.label}', {}, [None if g is None else (g.shape, g.dtype)
                                                                    for g in out_grad]))


def _results(link: Link) -> list[tuple[str, Any]]:
    """The arrays behind a link's attributes other than parameters and persistent values."""
    known = {*link._params, *link._persistent}
    found = [(name, getattr(value, 'array', value)) for name, value in vars(link).items() if name not in known]
    return [(name, array) for name, array in found if backend.is_array(array)]


def _copied(x: Any) -> Any:
    if isinstance(x, Variable):
        return Variable(x.array.copy(), requires_grad=False)
    return x.copy() if backend.is_array(x) else x


def _describe(entry: Any) -> str:
    label, numbers, inputs = entry
    values = ''.join(f' with {name} {value!r}' for name, value in numbers.items())
    return f'{label}{values} of {", ".join("nothing" if x is None else f"{x[1]}{x[0]}" for x in inputs)}'


def _reporting_to(observation: dict[str, Any]) -> Any:
    """A context in which what is reported, if it is wanted at all, goes to a dictionary."""
    try:
        get_current_reporter()
    except RuntimeError:
        return nullcontext()
    return report_scope(observation)
