"""CUDA in software, for CuPy itself: it runs on a machine without a GPU, and its kernels on the host.

`install` puts a runtime, a driver, cuBLAS and cuRAND of our own (`driver.cpp`, `libraries.cpp`) in the place of CUDA's
before CuPy is imported, and a stand-in for cuDNN (`cudnn`) beside it. A wheel of CuPy has the runtime within, so its
functions are overwritten in memory, where the wheel's table of symbols says that they are. Where CuPy compiles a
kernel, the system's compiler makes a library of the text within CuPy's headers. What CuPy does with arrays, types,
memory, streams and graphs is its own.

It refuses more than a GPU does. A kernel may not index beyond one of CuPy's arrays, nor reach by a pointer beyond the
memory that was asked for; a barrier that only some threads reach is an error; new memory holds NaN; and what is on a
stream of its own is done no earlier than somebody waits for it.

What raw kernels must keep to: one block runs after the other, and its threads take turns at barriers (the order of all
that changes from launch to launch, and from block to block); so no kernel waits for another block. No textures, no
cooperative groups, no dynamic parallelism, no vendor headers, no inline PTX (put it in ``#ifdef __CUDACC__``).

Sorting, linear algebra and Fourier transforms are NumPy's: CuPy has them from kernels that were compiled long ago, from
cuSOLVER and from cuFFT. cuSPARSE is not there. What is built is kept in a directory of temporary files (or
``CUDA_SOFTWARE_CACHE``), by its content; the texts of kernels are written to the directory ``CUDA_SOFTWARE_LOG``, if
that is set, for tests to read.
"""
from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
COMPILER = os.environ.get('CXX', 'c++')
FLAGS = ['-std=c++17', '-O0', '-fPIC', '-w', '-fno-strict-aliasing', '-fpermissive', '-fmax-errors=5']
# Loads and stores call functions of `memory.cpp`.
CHECKED = ['-fsanitize=kernel-address', *[f'--param=asan-{option}' for option in (
    'instrumentation-with-call-threshold=0', 'stack=0', 'globals=0')]]
LIBRARIES = {'cublas': 12, 'curand': 10}

_KERNEL = re.compile(r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\s*\(')
_TOGETHER = re.compile(r'__sync|__shfl|__ballot|__any|__all')
_DYNAMIC = re.compile(r'extern\s+__shared__\s+(?:__align__\(\w+\)\s+)?([\w\s]+?)\s*(\w+)\s*\[\s*\]\s*;')
# Where CuPy's arrays look elements up: by number, and by an index on each axis.
_LOOK_UPS = {'T& operator[](ptrdiff_t idx) const {': 'CHECK_INDEX(idx, size_)',
             'index_t diff = 0;\n    for (int dim = 0; dim < ndim; ++dim) {': 'CHECK_INDEX(idx[dim], shape_[dim])'}


def packages() -> Path | None:
    """Where CuPy 14 for CUDA 12 is unpacked beside what it needs: a directory that CUPY_PACKAGES names."""
    root = Path(os.environ.get('CUPY_PACKAGES') or os.devnull).resolve()
    return root if (root / 'cupy_backends').exists() and (root / 'cuda/pathfinder').exists() else None


@functools.cache
def driver() -> ctypes.CDLL:
    """CUDA in software."""
    return ctypes.CDLL(str(_built() / 'libcuda.so.1'), ctypes.RTLD_GLOBAL)


def install() -> None:
    """Makes CuPy importable, with CUDA in software, and the stand-in for cuDNN."""
    root = packages()
    assert root is not None, 'CUPY_PACKAGES'
    sys.path[:0] = [str(root), str(HERE)]
    os.environ['CUPY_ACCELERATORS'] = ''  # CUB's text is for NVIDIA's compiler
    driver()
    for name, number in LIBRARIES.items():
        ctypes.CDLL(str(_built() / f'lib{name}.so.{number}'), ctypes.RTLD_GLOBAL)
    from cuda import pathfinder
    pathfinder.load_nvidia_dynamic_lib = lambda name: None  # they are loaded already, by names that the loader knows
    pathfinder.find_nvidia_header_directory = lambda name: str(HERE / 'include')  # a process would look for it
    from cupy_backends.cuda.api import runtime
    _overwrite(Path(runtime.__file__))
    import cupy
    from cupy.cuda import compiler, thrust
    compiler._compile_module_with_cache = _module
    thrust.argsort, thrust.sort = _argsort, _sort
    for name in ('cholesky', 'det', 'eigh', 'inv', 'qr', 'slogdet', 'solve', 'svd'):
        setattr(cupy.linalg, name, _on_host(getattr(np.linalg, name)))
    for name in ('fft', 'ifft'):
        setattr(cupy.fft, name, _on_host(getattr(np.fft, name)))
    set_allocator, using_allocator = cupy.cuda.set_allocator, cupy.cuda.using_allocator
    cupy.cuda.set_allocator = lambda allocator=None: set_allocator(_exact(allocator or cupy.cuda.alloc))
    cupy.cuda.using_allocator = lambda allocator=None: using_allocator(_exact(allocator or cupy.cuda.alloc))


def compute(work: Callable[[], None]) -> None:
    """Does some work of a library in Python in the order of the current stream, or leaves it to a graph's capture."""
    import cupy
    function = ctypes.CFUNCTYPE(None)(work)
    if driver().capture(ctypes.c_void_p(cupy.cuda.get_current_stream().ptr), function):
        _recorded.append(function)
    else:
        work()


_recorded: list[Any] = []


def is_memory(address: int, size: int) -> bool:
    """Whether so many bytes are of a device, and within what was asked for."""
    return bool(driver().is_memory(ctypes.c_void_p(address), ctypes.c_size_t(size)))


def _exact(allocator: Callable[[int], Any]) -> Callable[[int], Any]:
    """An allocator whose memory may be used as far as it was asked for; a pool gives up to 511 bytes more."""
    def allocate(size: int) -> Any:
        from cupy.cuda import get_current_stream
        memory = allocator(size)
        driver().use_memory(*map(ctypes.c_void_p, (get_current_stream().ptr, memory.ptr, size)))
        return memory
    return allocate


@functools.cache
def _built() -> Path:
    """The directory of what was built, by its content: the libraries, and the headers of kernels, compiled once."""
    root = packages()
    sources = [*sorted(HERE.glob('*.[ch]*')), *sorted(HERE.glob('include/*'))]
    version = subprocess.run([COMPILER, '--version'], capture_output=True, text=True, check=True).stdout
    text = ''.join([path.read_text() for path in sources]) + version + str([root, FLAGS, CHECKED, _LOOK_UPS])
    cache = os.environ.get('CUDA_SOFTWARE_CACHE') or Path(tempfile.gettempdir(), f'cuda_software-{os.getuid()}')
    directory = Path(cache, hashlib.sha256(text.encode()).hexdigest()[:16])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(directory):
        if not (directory / 'kernel.h').exists():
            library = directory / 'libcuda.so.1'
            _compile(['-O2', '-shared', '-Wl,-soname,libcuda.so.1', *map(str, HERE.glob('*.cpp'))], '', library)
            for name, number in LIBRARIES.items():
                soname = f'lib{name}.so.{number}'
                _compile(['-shared', f'-Wl,-soname,{soname}', '-Wl,--no-as-needed', str(library), '-x', 'c++', '-'],
                         _others(root, name, library), directory / soname)
            (directory / 'cupy').mkdir(exist_ok=True)
            (directory / 'cupy/carray.cuh').write_text(_checked_arrays(root))
            _compile([*CHECKED, '-x', 'c++-header', str(HERE / 'kernel.h')], '',
                     directory / 'kernel.h.gch')
            (directory / 'kernel.h').write_text('#error This stands beside the header that is compiled.\n')
    return directory


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keeps other processes out."""
    import fcntl
    with (directory / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _checked_arrays(root: Path) -> str:
    """CuPy's header of arrays, which looks whether there is an element before it is taken."""
    text = (root / 'cupy/_core/include/cupy/carray.cuh').read_text()
    for place, check in _LOOK_UPS.items():
        if text.count(place) != 1:
            raise RuntimeError(f'this CuPy looks up elements of arrays in another way: {place!r} is not in carray.cuh')
        text = text.replace(place, f'{place} {check}')
    return text


def _others(root: Path, library: str, driver: Path) -> str:
    """The functions that CuPy's module for a library has to find there, and that nobody calls."""
    module = next((root / 'cupy_backends/cuda/libs').glob(f'{library}.*.so'))
    wanted, there = (set(re.findall(rf' {kind} (cu\w+)', _symbols('-D', path)))
                     for kind, path in (('U', module), ('T', driver)))
    return ''.join([f'extern "C" int {name}() {{ return 15; }}\n' for name in sorted(wanted - there)])


def _symbols(*arguments: Any) -> str:
    return subprocess.run(['nm', *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def _compile(arguments: list[str], text: str, result: Path) -> None:
    cupy = packages() / 'cupy/_core/include'
    headers = [result.parent, HERE, HERE / 'include', cupy, *filter(Path.is_dir, (cupy / 'cupy/_cccl').iterdir())]
    temporary = result.with_suffix(f'.{os.getpid()}')
    done = subprocess.run([COMPILER, *FLAGS, *arguments, *[f'-I{path}' for path in headers], '-o', str(temporary)],
                          input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{done.stderr}\n{text}')
    temporary.replace(result)


def _overwrite(module: Path) -> None:
    """Has the functions of CUDA's runtime within a loaded module jump to those of the driver."""
    base = next(int(line.split('-')[0], 16) for line in Path('/proc/self/maps').read_text().splitlines()
                if line.endswith(str(module)))
    protect = ctypes.CDLL(None).mprotect
    for offset, name in re.findall(r'^(\w+) [tT] (cuda[A-Z]\w*)$', _symbols(module), re.MULTILINE):
        function = getattr(driver(), name, driver().not_supported)
        target = ctypes.cast(function, ctypes.c_void_p).value
        address = base + int(offset, 16)
        if protect(ctypes.c_void_p(address & ~0xfff), ctypes.c_size_t(0x2000), 7):
            raise OSError(f'{name}: mprotect failed')
        # mov rax, target; jmp rax
        ctypes.memmove(address, b'\x48\xb8' + target.to_bytes(8, 'little') + b'\xff\xe0', 12)


def _module(source: str, options: tuple[str, ...] = (), *, name_expressions: Any = None, **_: Any) -> Any:
    """A ``cupy.cuda.Module`` of a text, as ``cupy.cuda.compiler._compile_module_with_cache`` returns it."""
    from cupy.cuda import compiler
    mapping = {expression: f'kernel_{i}' for i, expression in enumerate(name_expressions or ())}
    kernels = {name: expression for expression, name in mapping.items()} or {
        name: name for name in _KERNEL.findall(source)}
    # Room for arrays whose size the launch gives; and threads that wait for each other need a stack each.
    text = _DYNAMIC.sub(r'static \1 \2[49152 / sizeof(\1)];', source) + '\n'
    together = str(bool(_TOGETHER.search(source))).lower()
    # CuPy's own ones refer to elements before an array that they do not take; to take them is an error there, too.
    own = str(all(name.startswith('cupy_') for name in kernels)).lower()
    text += f'static bool checks_indexes() {{ return !{own}; }}\n'
    for name, expression in kernels.items():
        text += f'DESCRIBE({name}, ({expression}), "{expression}", {together})\n'
    defined = [option for option in options if option.startswith('-D')]
    path = _built() / f'{hashlib.sha256((text + " ".join(defined)).encode()).hexdigest()[:32]}.so'
    if not path.exists():
        try:
            # The libraries that it needs are loaded already; to look into them takes as long as to compile it.
            _compile([*CHECKED, '-shared', '-nostdlib', *defined, '-include', str(path.with_name('kernel.h')), '-x',
                      'c++', '-'], text, path)
        except RuntimeError as error:
            raise compiler.CompileException(str(error), source, 'kernel', options) from error
    if 'CUDA_SOFTWARE_LOG' in os.environ:
        log = Path(os.environ['CUDA_SOFTWARE_LOG'], f'{path.stem}.json')
        log.write_text(json.dumps({'kernels': list(kernels.values()), 'text': source}))
    module = _module_class()()
    module._set_mapping(mapping or None)
    module.load(os.fsencode(path) + b'\0')
    return module


@functools.cache
def _module_class() -> Any:
    """``cupy.cuda.Module`` whose functions count what they are given; to CUDA that would be an address that is none."""
    from cupy.cuda import function

    class Function(function.Function):
        def __call__(self, grid: Any, block: Any, args: Any, *rest: Any, **kwargs: Any) -> None:
            expected = driver().number_of_arguments(ctypes.c_void_p(self.ptr))
            if len(args) != expected:
                raise TypeError(f'a kernel takes {expected} arguments, {len(args)} given')
            super().__call__(grid, block, args, *rest, **kwargs)

    class Module(function.Module):
        def get_function(self, name: str) -> Any:
            return Function(self, name)

    return Module


def _on_host(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy for arrays of CuPy."""
    def call(*args: Any, **kwargs: Any) -> Any:
        import cupy
        results = function(*[x.get() if isinstance(x, cupy.ndarray) else x for x in args], **kwargs)
        return type(results)(*map(cupy.asarray, results)) if isinstance(results, tuple) else cupy.asarray(results)
    return call


def _view(address: int, dtype: Any, shape: Any) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


def _argsort(dtype: Any, places: int, data: int, keys: int, shape: Any) -> None:
    _view(places, np.int64, shape)[...] = np.argsort(_view(data, dtype, shape), axis=-1, kind='stable')


def _sort(dtype: Any, data: int, keys: int, shape: Any) -> None:
    _view(data, dtype, shape).sort(axis=-1)
