"""oneDNN's C API (version 3) through `ctypes`: where the library is, what is used of it, and errors from statuses."""
from __future__ import annotations

import ctypes
import functools
import logging
import os
import re
import site
import sys
import threading
from ctypes import POINTER, c_float, c_int, c_int64, c_size_t, c_uint, c_void_p
from pathlib import Path
from typing import Any

_logger = logging.getLogger(__name__)

NAME = 'libdnnl.so.3'
VARIABLE = 'AUTOGRAD_NN_ONEDNN'

# The C enumerations, by oneDNN's names.
FORWARD_TRAINING, FORWARD_INFERENCE, BACKWARD = 64, 96, 128
FLOAT32, INT32, INT8, UINT8 = 3, 4, 5, 6
CONVOLUTION_DIRECT = 1
POOLING_MAX, POOLING_AVG_INCLUDE_PADDING, POOLING_AVG_EXCLUDE_PADDING = 0x1ff, 0x2ff, 0x3ff
LRN_ACROSS_CHANNELS = 0xaff
SOFTMAX_ACCURATE, SOFTMAX_LOG = 0x30000, 0x30001
REDUCTION_SUM = 0x2fff4
BINARY_ADD = 0x1fff0
ELTWISE_RELU, ELTWISE_RELU_FROM_OUTPUT = 32, 256
ELTWISE_TANH, ELTWISE_ELU, ELTWISE_LOGISTIC, ELTWISE_SWISH, ELTWISE_GELU = 33, 34, 41, 44, 49
ELTWISE_TANH_FROM_OUTPUT, ELTWISE_LOGISTIC_FROM_OUTPUT, ELTWISE_CLIP_FROM_OUTPUT = 257, 260, 262
USE_GLOBAL_STATS, USE_SCALE, USE_SHIFT, FUSE_NORM_RELU = 1, 2, 4, 8
SRC, SRC_1, SRC_2, DST, DST_1, DST_2, WEIGHTS, WEIGHTS_1, BIAS = 1, 2, 3, 17, 18, 19, 33, 34, 41
ADDED = 1 << 15 | SRC_1  # the second input of the first operation behind a computation
MEAN, VARIANCE, SCALE, SHIFT, WORKSPACE = 49, 50, 51, 52, 64
DIFF_SRC, DIFF_SRC_1, DIFF_SRC_2, DIFF_DST, DIFF_DST_1, DIFF_DST_2 = 129, 130, 131, 145, 146, 147
DIFF_WEIGHTS, DIFF_WEIGHTS_1, DIFF_BIAS, DIFF_SCALE, DIFF_SHIFT = 161, 162, 169, 255, 256
FORMAT_TAG_ANY, FPMATH_BFLOAT16 = 1, 1
QUERY_IMPLEMENTATION, QUERY_EXECUTION_ARGUMENT = 8, 255
_ENGINE_CPU, _AVX512 = 1, 0x27

# How often a thread of GNU's OpenMP looks for work before it sleeps, read when that library is loaded. By default it
# keeps its core for milliseconds: where other processes or BLAS wanted it, too, a training step took three to six times
# as long as with this number; on an idle machine there was no difference.
_SPIN_COUNT = '10000'
_STATUS = {1: 'out_of_memory', 2: 'invalid_arguments', 3: 'unimplemented', 4: 'last_impl_reached', 5: 'runtime_error',
           6: 'not_required', 7: 'invalid_graph', 8: 'invalid_graph_op', 9: 'invalid_shape', 10: 'invalid_data_type'}
_ISA = {0x1: 'SSE4.1', 0x3: 'AVX', 0x7: 'AVX2', 0xf: 'AVX2 with VNNI', 0x1f: 'AVX2 with VNNI, float16 and bfloat16',
        0x27: 'AVX-512', 0x67: 'AVX-512 with VNNI', 0xe7: 'AVX-512 with bfloat16',
        0x1ef: 'AVX-512 with bfloat16 and float16', 0xfef: 'AMX', 0x1fef: 'AMX with float16'}

# The arguments between the engine and the attributes of each dnnl_*_primitive_desc_create. i: an enumeration or number,
# u: flags, f: float, l: 64-bit number, m: memory descriptor, d: one 64-bit number an axis, p: primitive descriptor.
PRIMITIVES = {
    'convolution_forward': 'iimmmmdddd',
    'convolution_backward_data': 'immmddddp',
    'convolution_backward_weights': 'immmmddddp',
    'pooling_forward': 'iimmddddd',
    'pooling_backward': 'immdddddp',
    'batch_normalization_forward': 'immfu',
    'batch_normalization_backward': 'immmfup',
    'layer_normalization_forward': 'immmfu',
    'layer_normalization_backward': 'immmmfup',
    'lrn_forward': 'iimmlfff',
    'lrn_backward': 'immmlfffp',
    'softmax_forward': 'iimmi',
    'softmax_backward': 'immmip',
    'eltwise_forward': 'iimmff',
    'eltwise_backward': 'immmffp',
    'matmul': 'mmmm',
    'inner_product_forward': 'immmm',
    'reduction': 'immff',
}
_TYPES = {'i': c_int, 'u': c_uint, 'f': c_float, 'l': c_int64, 'm': c_void_p, 'd': POINTER(c_int64), 'p': c_void_p}


class OneDNNError(RuntimeError):
    """oneDNN refused a call; the message has its own word for why."""


class _Version(ctypes.Structure):
    _fields_ = [('major', c_int), ('minor', c_int), ('patch', c_int), ('hash', ctypes.c_char_p),
                ('cpu_runtime', c_uint), ('gpu_runtime', c_uint)]


class Argument(ctypes.Structure):
    """One argument of an execution: which one (an enumeration above), and the memory object."""

    _fields_ = [('index', c_int), ('memory', c_void_p)]


def check(status: int, what: str) -> None:
    """Raises an `OneDNNError` unless `status` is success."""
    if status:
        raise OneDNNError(f'oneDNN: {what}: {_STATUS.get(status, f"status {status}")}')


@functools.cache
def _is_zen4(cpuinfo: Path) -> bool:
    """Whether Linux calls its processor one of AMD's family 25, of which those with AVX-512 are of the design Zen 4."""
    try:
        text = cpuinfo.read_text(encoding='utf-8', errors='replace')
    except OSError as error:
        _logger.debug('the kind of processor is unknown: %s', error)
        return False
    return all(re.search(rf'^{name}\s*: {value}$', text, re.MULTILINE)
               for name, value in [('vendor_id', 'AuthenticAMD'), ('cpu family', '25')])


class Library:
    """The loaded library.

    Args:
        path: The file, or a name that the system's loader knows.

    Raises:
        OSError: It cannot be loaded.
        OneDNNError: Its major version is not 3.

    Attributes:
        c: The C functions, without the prefix ``dnnl_`` in `call`.
        engine: The handle of the processor.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        if 'OMP_WAIT_POLICY' not in os.environ:
            os.environ.setdefault('GOMP_SPINCOUNT', _SPIN_COUNT)
        self.c = ctypes.CDLL(path)
        self.c.dnnl_version.restype = POINTER(_Version)
        version = self.c.dnnl_version().contents
        self.version = f'{version.major}.{version.minor}.{version.patch}'
        if version.major != 3:
            raise OneDNNError(f'oneDNN: expected version 3, {path} has {self.version}')
        self._declare()
        engine = c_void_p()
        self.call('engine_create', ctypes.byref(engine), _ENGINE_CPU, 0)
        self.engine = engine

    def _declare(self) -> None:
        """States the types of the arguments, so that `ctypes` refuses others."""
        handle, dims = POINTER(c_void_p), POINTER(c_int64)
        signatures: dict[str, list[Any]] = {
            'engine_create': [handle, c_int, c_size_t],
            'stream_create': [handle, c_void_p, c_uint],
            'stream_destroy': [c_void_p],
            'memory_desc_create_with_strides': [handle, c_int, dims, c_int, dims],
            'memory_desc_create_with_tag': [handle, c_int, dims, c_int, c_int],
            'memory_desc_clone': [handle, c_void_p],
            'memory_desc_destroy': [c_void_p],
            'memory_create': [handle, c_void_p, c_void_p, c_void_p],
            'memory_set_data_handle': [c_void_p, c_void_p],
            'memory_destroy': [c_void_p],
            'primitive_attr_create': [handle],
            'primitive_attr_destroy': [c_void_p],
            'primitive_attr_set_post_ops': [c_void_p, c_void_p],
            'primitive_attr_set_fpmath_mode': [c_void_p, c_int],
            'post_ops_create': [handle],
            'post_ops_destroy': [c_void_p],
            'post_ops_append_eltwise': [c_void_p, c_int, c_float, c_float],
            'post_ops_append_binary': [c_void_p, c_int, c_void_p],
            'post_ops_append_sum': [c_void_p, c_float, ctypes.c_int32, c_int],
            'primitive_desc_query': [c_void_p, c_int, c_int, c_void_p],
            'primitive_desc_destroy': [c_void_p],
            'primitive_create': [handle, c_void_p],
            'primitive_execute': [c_void_p, c_void_p, c_int, POINTER(Argument)],
            'primitive_destroy': [c_void_p],
            'reorder_primitive_desc_create': [handle, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p],
        }
        for name, letters in PRIMITIVES.items():
            signatures[f'{name}_primitive_desc_create'] = [handle, c_void_p, *(_TYPES[x] for x in letters), c_void_p]
        for name, types in signatures.items():
            function = getattr(self.c, f'dnnl_{name}')
            function.argtypes = types
            function.restype = c_int
        # Of the C library, which this one depends on.
        self.c.memcmp.argtypes = [c_void_p, c_void_p, c_size_t]
        self.c.memcmp.restype = c_int
        self.c.dnnl_memory_desc_get_size.argtypes = [c_void_p]
        self.c.dnnl_memory_desc_get_size.restype = c_size_t
        self.c.dnnl_memory_desc_equal.argtypes = [c_void_p, c_void_p]
        self.c.dnnl_primitive_desc_query_md.argtypes = [c_void_p, c_int, c_int]
        self.c.dnnl_primitive_desc_query_md.restype = c_void_p

    def call(self, name: str, *arguments: Any) -> None:
        """Calls ``dnnl_<name>``.

        Raises:
            OneDNNError: It did not succeed.
        """
        check(getattr(self.c, f'dnnl_{name}')(*arguments), name)

    @property
    def instruction_set(self) -> str:
        """The instruction set that its kernels use on this processor."""
        code = self.c.dnnl_get_effective_cpu_isa()
        return _ISA.get(code, f'instruction set {code:#x}')

    @property
    def has_avx512(self) -> bool:
        """Whether its kernels use AVX-512 on this processor."""
        return self.c.dnnl_get_effective_cpu_isa() & _AVX512 == _AVX512

    @property
    def has_avx512_in_halves(self) -> bool:
        """Whether that takes the processor two steps of 256 bits, so that it computes no faster than with AVX2."""
        return self.has_avx512 and _is_zen4(Path('/proc/cpuinfo'))

    def set_num_threads(self, number: int) -> None:
        """Sets how many threads the calling thread's executions run on, where the library is built on OpenMP.

        Its kernels wait for each other at barriers: they hang where OpenMP gives them fewer threads than it said.
        """
        # A look-up in a library searches those that it depends on, too: here, the OpenMP runtime.
        if not hasattr(self.c, 'omp_set_num_threads'):
            return
        # With OMP_DYNAMIC, their number would depend on how busy the machine is.
        self.c.omp_set_dynamic(0)
        # With OMP_MAX_ACTIVE_LEVELS=0 there is one, whatever is asked for.
        limit = self.c.omp_get_thread_limit() if self.c.omp_get_max_active_levels() else 1
        self.c.omp_set_num_threads(min(number, limit))


_lock = threading.RLock()
_loaded: tuple[Library | None, str] | None = None


def load() -> tuple[Library | None, str]:
    """The library, loaded at the first call, or None; and which one it is, or why there is none."""
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _find()
    return _loaded


if hasattr(os, 'register_at_fork'):
    # A fork while another thread loads would leave the lock taken for ever.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def _find() -> tuple[Library | None, str]:
    wanted = os.environ.get(VARIABLE, '')
    if wanted == '0':
        return None, f'turned off: {VARIABLE}=0'
    reasons = []
    for path in [wanted] if wanted not in ('', '1') else _places():
        try:
            library = Library(path)
        except (OSError, OneDNNError, AttributeError) as error:
            reasons.append(str(error))
            _logger.debug('oneDNN from %s: %s', path, error)
        else:
            return library, f'oneDNN {library.version} ({library.instruction_set}) from {path}'
    return None, f"no {NAME} (pip install onednn-cpu-gomp): {'; '.join(reasons)}"


def _places() -> list[str]:
    """Where the library may be: beside this Python's packages, in the user's, and where the system's loader looks."""
    # Not from `sysconfig`: a second thread that asks it, or an interrupt, finds its answers incomplete, even later on.
    # Debian's own Python installs below /usr/local.
    prefixes = sys.prefix, f'{sys.prefix}/local', site.getuserbase()
    files = [Path(prefix) / 'lib' / NAME for prefix in prefixes]
    return [*(str(file) for file in files if file.exists()), NAME]


def dims(numbers: tuple[int, ...]) -> Any:
    """The numbers as the C array that oneDNN expects."""
    return (c_int64 * 12)(*numbers)

