"""Updates by the batches of several processes, each with a device of its own."""
from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.util import Finalize
from typing import Any

import numpy as np

from autograd_nn import cuda, random
from autograd_nn.backend import Device, DeviceLike, get_device, to_cpu, using_device
from autograd_nn.dataset.convert import call_converter, call_with_batch, concat_examples
from autograd_nn.iterators.channel import Channel
from autograd_nn.iterators.remote import GRACE, Remote, WorkerDied, pack_answer, stop
from autograd_nn.link import Link
from autograd_nn.optimizer import GradientMethod, Optimizer
from autograd_nn.optimizers import AdaDelta, AdaGrad, Adam, RMSprop, RMSpropGraves
from autograd_nn.reporter import Reporter
from autograd_nn.serializer import AbstractSerializer, Deserializer
from autograd_nn.serializers import DictionarySerializer, NpzDeserializer
from autograd_nn.training.state import serialize_json, serialize_random_state
from autograd_nn.training.updaters.nccl_group import NcclGroup
from autograd_nn.training.updaters.standard_updater import StandardUpdater


class MultiprocessParallelUpdater(StandardUpdater):
    """Takes a batch in each of several processes, and updates the model by the sum of their gradients.

    The first device is this process's; for each other one a process is started in the first update, in the way that
    `multiprocessing.set_start_method` chose. All begin with this process's parameters, and take them over after each
    update. On GPUs, gradients and parameters go through NCCL; on the CPU, through sockets. What models in the other
    processes report is lost.

    The sum of the gradients is n times what one process computes, and the batch n times as large. So that an update is
    that of a mean over all of it, the optimizer's `lr` is divided by n, or its `eps` multiplied by n or n², and a
    warning says so.

    Args:
        iterators: One iterator for each device, over the whole data set or parts of one size.
        optimizer: The optimizer, whose target is the model: a `GradientMethod`.
        converter: Makes arrays of a batch (see `StandardUpdater`).
        devices: All of one kind: a list, the first of which is that of this process; or a dict, where ``main`` is.
        auto_new_epoch: Whether to call the optimizer's `new_epoch` at the end of each epoch.

    Raises:
        ValueError: There are not as many iterators as devices, a device is None, they are of two kinds, or the data
            sets differ in length.
        RuntimeError: GPUs are given and CuPy has no NCCL; or CUDA is in use already and processes would be forked.
        TypeError: The optimizer is no `GradientMethod`.
    """

    def __init__(self, iterators: Sequence[Any], optimizer: Optimizer, converter: Callable[..., Any] = concat_examples,
                 devices: Sequence[DeviceLike] | dict[str, DeviceLike] | None = None,
                 auto_new_epoch: bool = True) -> None:
        self._devices = _as_list(devices)
        lengths = {len(iterator.dataset) for iterator in iterators}
        if len(iterators) != len(self._devices) or len(lengths) != 1:
            raise ValueError('MultiprocessParallelUpdater: expected an iterator for each of the '
                             f'{len(self._devices)} devices, over data of one length; got {len(iterators)} iterators '
                             f'over {" and ".join(map(str, sorted(lengths)))} examples')
        if not isinstance(optimizer, GradientMethod):
            raise TypeError('MultiprocessParallelUpdater: expected an optimizer that is a GradientMethod, got '
                            f'{type(optimizer).__name__}')
        if self._devices[0].name.startswith('cuda'):
            _check_cuda()
        _adapt(optimizer, len(self._devices))
        super().__init__(iterators[0], optimizer, converter, auto_new_epoch=auto_new_epoch)
        self._other_iterators = list(iterators[1:])
        # In the order of the devices; the set is emptied when they are stopped.
        self._workers: list[Remote] = []
        self._alive: set[Remote] = set()
        self._nccl: NcclGroup | None = None
        self._are_equal = False
        # What a snapshot has of the processes that are not there yet.
        self._states: list[dict[str, np.ndarray]] = []

    @staticmethod
    def available() -> bool:
        """Whether GPUs can be used: CuPy is there, with NCCL. The CPU always can."""
        return NcclGroup.available()

    def setup_workers(self) -> None:
        """Starts the processes, if they are not there yet; `update` does so."""
        if self._workers or not self._other_iterators:
            return
        model = self._optimizers['main'].target
        model.cleargrads()
        seed = random.fingerprint()
        # multiprocessing waits at exit for the processes that are left; before that, it calls this.
        Finalize(self, stop, (self._alive, os.getpid()), exitpriority=10)
        for i, iterator in enumerate(self._other_iterators, 1):
            worker = Remote(_serve, model, iterator, self.converter, self._devices[i], [seed, i], daemon=False)
            self._workers.append(worker)
            self._alive.add(worker)
        model.to_device(self._devices[0])
        if self._devices[0].name.startswith('cuda'):
            self._join_nccl()
        for worker, state in zip(self._workers, self._states):
            self._ask(worker, 'restore', state)
        self._states = []

    def _join_nccl(self) -> None:
        unique_id, n = NcclGroup.make_id(), len(self._devices)
        for rank, worker in enumerate(self._workers, 1):
            worker.send(('join_nccl', (unique_id, n, rank)))
        with using_device(self._devices[0]):
            self._nccl = NcclGroup(unique_id, n, 0)
        self._receive_all()

    def update_core(self) -> None:
        """Takes a batch in each process and updates the model by the sum of all gradients."""
        self.setup_workers()
        optimizer: Any = self._optimizers['main']
        scale, model = optimizer.loss_scale, optimizer.target
        if self._are_equal:
            self._send('compute_gradients', scale)
        with using_device(self._devices[0]):
            batch = call_converter(self.converter, self._iterators['main'].next(), self._devices[0])
            _compute_gradients(model, batch, scale)
            if not self._are_equal:  # Only now do all parameters have their shapes.
                self._send('set_parameters', _arrays(model))
                self._receive_all()
                self._send('compute_gradients', scale)
                self._are_equal = True
            for gradients in self._receive_all():
                _add_gradients(model, gradients)
            if self._nccl is None:
                optimizer.apply_gradients(scale)
                self._send('set_parameters', _arrays(model))
            else:
                self._send('exchange', None)
                self._nccl.sum_gradients(model)
                optimizer.apply_gradients(scale)
                self._nccl.share_parameters(model)
            self._receive_all()
        self._count_epoch()

    def _send(self, job: str, argument: Any) -> None:
        for worker in self._workers:
            worker.send((job, argument))

    def _receive_all(self) -> list[Any]:
        return [self._receive(worker) for worker in self._workers]

    def _receive(self, worker: Remote) -> Any:
        try:
            return worker.receive()
        except WorkerDied as death:
            raise RuntimeError(f'MultiprocessParallelUpdater: {death}') from None

    def _ask(self, worker: Remote, job: str, argument: Any, timeout: float | None = None) -> Any:
        """The answer of one process, also after an exception in the middle of an update."""
        worker.send((job, argument))
        while worker.unanswered > 1:
            with suppress(Exception):
                _wait(worker, timeout)
                worker.receive()
        _wait(worker, timeout)
        return self._receive(worker)

    def finalize(self) -> None:
        """Ends the processes."""
        try:  # A snapshot may be taken when the training is over.
            self._states = [self._ask(worker, 'state', None, GRACE) for worker in self._workers] or self._states
        except (RuntimeError, TimeoutError):
            self._states = []
        stop(self._alive, os.getpid())
        self._workers, self._nccl = [], None
        super().finalize()

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it; Chainer's files have that of the first process alone."""
        super().serialize(serializer)
        self._are_equal = False
        for i in range(len(self._other_iterators)):
            part = serializer[f'process:{i + 1}']
            if isinstance(serializer, Deserializer):
                self._restore(part, i)
            else:
                state = self._state_of(i)
                serialize_json(part, 'names', list(state))
                for name, value in state.items():
                    part(name, value)

    def _state_of(self, i: int) -> dict[str, np.ndarray]:
        if self._workers:
            return self._ask(self._workers[i], 'state', None)
        return self._states[i] if self._states else _state(self._other_iterators[i])

    def _restore(self, serializer: AbstractSerializer, i: int) -> None:
        state = {name: np.asarray(serializer(name, None)) for name in serialize_json(serializer, 'names', [], False)}
        if self._workers and state:
            self._ask(self._workers[i], 'restore', state)
        elif state:
            self._states[i:] = [state]


def _wait(worker: Remote, timeout: float | None) -> None:
    if not worker.ready(timeout):
        raise TimeoutError(f'MultiprocessParallelUpdater: process {worker.pid} does not answer')


def _as_list(devices: Any) -> list[Device]:
    if isinstance(devices, dict):
        if 'main' not in devices:
            raise ValueError("MultiprocessParallelUpdater: devices must have an entry 'main', got "
                             f'{", ".join(devices)}')
        devices = [devices['main'], *[device for name, device in devices.items() if name != 'main']]
    if not isinstance(devices, (list, tuple)) or not devices or any(device is None for device in devices):
        raise ValueError(f'MultiprocessParallelUpdater: expected a list or a dict of devices, got {devices!r}')
    found = [get_device(device) for device in devices]
    if len({device.xp for device in found}) > 1:
        raise ValueError(f'MultiprocessParallelUpdater: expected devices of one kind, got {", ".join(map(str, found))}')
    return found


def _check_cuda() -> None:
    if not MultiprocessParallelUpdater.available():
        raise RuntimeError('MultiprocessParallelUpdater: GPUs need NCCL, which this CuPy has not; see '
                           "https://docs.cupy.dev/en/stable/install.html, or give 'cpu' devices")
    if multiprocessing.get_start_method() == 'fork' and _cuda_is_in_use():
        raise RuntimeError('MultiprocessParallelUpdater: CUDA is in use already, and a fork of this process could not '
                           "use it; call multiprocessing.set_start_method('forkserver') or 'spawn' first")


def _cuda_is_in_use() -> bool:
    driver = cuda.cupy.cuda.driver
    try:
        return bool(driver.ctxGetCurrent())
    except driver.CUDADriverError:
        return False


def _adapt(optimizer: GradientMethod, n: int) -> None:
    """Makes a step by the sum of n gradients one by their mean."""
    if n == 1:
        return
    optimizer_: Any = optimizer
    if isinstance(optimizer, (Adam, AdaGrad, RMSprop)):
        name, value = 'eps', optimizer_.eps * n
    elif isinstance(optimizer, (RMSpropGraves, AdaDelta)):
        name, value = 'eps', optimizer_.eps * n ** 2
    elif 'lr' in optimizer.hyperparam.get_dict():
        name, value = 'lr', optimizer_.lr / n
    else:
        return
    setattr(optimizer, name, value)
    warnings.warn(f'MultiprocessParallelUpdater: {name} is {value:g} now, since the gradients of {n} processes are '
                  'summed', stacklevel=3)


# --- what happens in the other processes


def _serve(channel: Channel, model: Link, iterator: Any, converter: Callable[..., Any], device: Device,
           seed: list[int]) -> None:
    """Answers requests, pairs of a job and its argument, until the channel is closed."""
    np.random.seed(seed)  # Forks would otherwise all draw the same numbers.
    device.use()
    job = _Jobs(model, iterator, converter, device)
    while True:
        try:
            name, argument = channel.receive()
        except (EOFError, OSError):
            break
        answer = pack_answer(partial(getattr(job, name), argument), f'{name}: the answer')
        with suppress(OSError):
            channel.send(answer)
    iterator.finalize()


class _Jobs:
    """What a process can be asked for."""

    def __init__(self, model: Link, iterator: Any, converter: Callable[..., Any], device: Device) -> None:
        self._model = model.to_device(device)
        self._iterator = iterator
        self._converter = converter
        self._device = device
        self._nccl: NcclGroup | None = None
        self._reporter = Reporter()
        self._reporter.add_observer('main', model)
        self._reporter.add_observers('main', model.namedlinks(skipself=True))

    def compute_gradients(self, scale: float | None) -> dict[str, np.ndarray]:
        """Computes those for the next batch, and returns them unless they go through NCCL."""
        with self._reporter.scope({}):
            batch = call_converter(self._converter, self._iterator.next(), self._device)
            _compute_gradients(self._model, batch, scale)
        return _arrays(self._model, 'grad') if self._nccl is None else {}

    def set_parameters(self, arrays: dict[str, np.ndarray]) -> None:
        """Takes over parameters."""
        for name, param in self._model.namedparams():
            if name in arrays:
                param.array = self._device.send(arrays[name])

    def join_nccl(self, arguments: tuple[Any, int, int]) -> None:
        """Becomes one of the processes of NCCL."""
        self._nccl = NcclGroup(*arguments)

    def exchange(self, _: None) -> None:
        """Hands its gradients to the first process, and takes over the parameters from it."""
        assert self._nccl is not None
        self._nccl.sum_gradients(self._model)
        self._nccl.share_parameters(self._model)

    def state(self, _: None) -> dict[str, np.ndarray]:
        """The state of the iterator and of the random numbers."""
        return _state(self._iterator)

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from that state."""
        deserializer = NpzDeserializer(state)
        self._iterator.serialize(deserializer['iterator'])
        serialize_random_state(deserializer['random_state'])


def _state(iterator: Any) -> dict[str, np.ndarray]:
    serializer = DictionarySerializer()
    iterator.serialize(serializer['iterator'])
    serialize_random_state(serializer['random_state'])
    return serializer.target


# --- what happens in all of them


def _compute_gradients(model: Link, batch: Any, scale: float | None) -> None:
    model.cleargrads()
    loss = call_with_batch(model, batch)
    model.cleargrads()
    loss.backward(loss_scale=scale)


def _arrays(model: Link, attribute: str = 'array') -> dict[str, np.ndarray]:
    """The parameters, or their gradients, by name; those that there are."""
    found = {name: getattr(param, attribute) for name, param in model.namedparams(include_uninit=False)}
    return {name: to_cpu(array) for name, array in found.items() if array is not None}


def _add_gradients(model: Link, gradients: dict[str, np.ndarray]) -> None:
    for name, param in model.namedparams(include_uninit=False):
        if name in gradients:
            param.grad = gradients[name] if param.grad is None else param.grad + gradients[name]
