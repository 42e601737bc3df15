"""NVIDIA's cuDNN through its Python frontend: whether it is there, and a handle for each thread and device."""
from __future__ import annotations

import functools
import importlib
import os
import threading
from typing import Any

from autograd_nn.config import config
from autograd_nn.cuda import device


class CuDNNError(RuntimeError):
    """cuDNN is missing, or refused what it should be able to do; the message has its own words for why."""


@functools.cache
def load() -> tuple[Any, str]:
    """The module ``cudnn`` and what it is, or None and why not."""
    try:
        module = importlib.import_module('cudnn')
        return module, (f'cuDNN {module.backend_version_string()} through nvidia-cudnn-frontend {module.__version__}')
    except (ImportError, OSError, RuntimeError) as error:
        return None, f'nvidia-cudnn-frontend cannot be used ({error})'


def in_use() -> bool:
    """Whether kernels of cuDNN serve this thread: ``config.use_cudnn`` is not 'never', and the library is there.

    Raises:
        CuDNNError: ``config.use_cudnn`` is 'always', and the library is not there.
    """
    use = config.__dict__['use_cudnn']
    if use == 'never':
        return False
    module, reason = load()
    if module is None and use == 'always':
        raise CuDNNError(f"config.use_cudnn is 'always': {reason}; pip install 'autograd_nn[cudnn12]' (or cudnn13)")
    return module is not None


def may_round_to_tf32() -> bool:
    """Whether products of float32 may be rounded to TF32, by the environment variable that CuPy's products obey."""
    return os.environ.get('CUPY_TF32', '0') not in ('', '0')


_handles = threading.local()


def handle() -> Any:
    """This thread's handle for the current device, set to the current stream."""
    module, _ = load()
    handles = _handles.__dict__.setdefault('of_devices', {})
    device_id = device.cupy.cuda.Device().id
    if device_id not in handles:
        handles[device_id] = module.create_handle()
    module.set_stream(handles[device_id], device.cupy.cuda.get_current_stream().ptr)
    return handles[device_id]
