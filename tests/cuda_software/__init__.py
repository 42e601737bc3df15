"""CUDA in software, for CuPy itself: it runs on a machine without a GPU, and its kernels on the host.

`install` puts a runtime, a driver, cuBLAS and cuRAND of our own (`driver.cpp`, `libraries.cpp`) in the place of CUDA's
before CuPy is imported. A wheel of CuPy has the runtime within, so its functions are overwritten in memory, where the
wheel's table of symbols says that they are. Where CuPy compiles a kernel, the system's compiler makes a library of the
text within CuPy's headers. What CuPy does with arrays, types, memory, streams and graphs is its own.

Sorting is NumPy's: CuPy has it from kernels that were compiled long ago. cuSOLVER, cuFFT and cuSPARSE are not there.
"""
from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
EMULATOR = HERE.parent / 'cuda_emulator' / 'cupy'
COMPILER = os.environ.get('CXX', 'c++')
FLAGS = ['-std=c++17', '-O0', '-fPIC', '-w', '-fno-strict-aliasing', '-fpermissive', '-fmax-errors=5']
LIBRARIES = {'cublas': 12, 'curand': 10}

_KERNEL = re.compile(r'extern\s+"C"\s+__global__\s+void\s+(\w+)\s*\(')


def packages() -> Path | None:
    """Where CuPy 14 for CUDA 12 is unpacked beside what it needs: a directory that CUPY_PACKAGES names."""
    root = Path(os.environ.get('CUPY_PACKAGES') or os.devnull).resolve()
    return root if (root / 'cupy_backends').exists() and (root / 'cuda/pathfinder').exists() else None


def install() -> ctypes.CDLL:
    """Makes CuPy importable, with CUDA in software; returns the latter."""
    root = packages()
    assert root is not None, 'CUPY_PACKAGES'
    sys.path.insert(0, str(root))
    os.environ['CUPY_ACCELERATORS'] = ''  # CUB's text is for NVIDIA's compiler
    driver = ctypes.CDLL(str(_built(root) / 'libcuda.so.1'), ctypes.RTLD_GLOBAL)
    for name, number in LIBRARIES.items():
        ctypes.CDLL(str(_built(root) / f'lib{name}.so.{number}'), ctypes.RTLD_GLOBAL)
    from cuda import pathfinder
    pathfinder.load_nvidia_dynamic_lib = lambda name: None  # they are loaded already, by names that the loader knows
    from cupy_backends.cuda.api import runtime
    _overwrite(Path(runtime.__file__), driver)
    import cupy
    from cupy.cuda import compiler, graph, thrust
    compiler._compile_module_with_cache = functools.partial(_module, root)
    thrust.argsort, thrust.sort = _argsort, _sort
    works = []

    def record(work: Callable[[], None]) -> None:
        """For the stand-in for cuDNN, which computes at once: a graph that is being captured is to do so again."""
        works.append(ctypes.CFUNCTYPE(None)(work))
        driver.record(ctypes.c_void_p(cupy.cuda.get_current_stream().ptr), works[-1])

    graph.record = record
    return driver


@functools.cache
def _built(root: Path) -> Path:
    """The directory of what was built, by its content: the libraries, and the headers of kernels, compiled once."""
    sources = [*sorted(HERE.glob('*.[ch]*')), *sorted(HERE.glob('include/*')), *sorted(EMULATOR.glob('*.[ch]*'))]
    version = subprocess.run([COMPILER, '--version'], capture_output=True, text=True, check=True).stdout
    text = ''.join([path.read_text() for path in sources]) + version + ' '.join(FLAGS) + str(root)
    cache = os.environ.get('CUDA_EMULATOR_CACHE') or Path(tempfile.gettempdir(), f'cuda_emulator-{os.getuid()}')
    directory = Path(cache, 'software-' + hashlib.sha256(text.encode()).hexdigest()[:16])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (directory / 'kernel.h').exists():
        driver = directory / 'libcuda.so.1'
        _compile(root, ['-O2', '-shared', '-Wl,-soname,libcuda.so.1', str(HERE / 'driver.cpp'),
                        str(HERE / 'libraries.cpp'), str(EMULATOR / 'threads.cpp')], '', driver)
        for name, number in LIBRARIES.items():
            soname = f'lib{name}.so.{number}'
            _compile(root, ['-shared', f'-Wl,-soname,{soname}', '-Wl,--no-as-needed', str(driver), '-x', 'c++', '-'],
                     _others(root, name, driver), directory / soname)
        _compile(root, ['-x', 'c++-header', str(HERE / 'kernel.h')], '', directory / 'kernel.h.gch')
        (directory / 'kernel.h').write_text('#error This stands beside the header that is compiled.\n')
    return directory


def _others(root: Path, library: str, driver: Path) -> str:
    """The functions that CuPy's module for a library has to find there, and that nobody calls."""
    module = next((root / 'cupy_backends/cuda/libs').glob(f'{library}.*.so'))
    wanted, there = (set(re.findall(rf' {kind} (cu\w+)', _symbols('-D', path)))
                     for kind, path in (('U', module), ('T', driver)))
    return ''.join([f'extern "C" int {name}() {{ return 15; }}\n' for name in sorted(wanted - there)])


def _symbols(*arguments: Any) -> str:
    return subprocess.run(['nm', *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def _compile(root: Path, arguments: list[str], text: str, result: Path) -> None:
    cupy = root / 'cupy/_core/include'
    headers = [HERE, HERE / 'include', EMULATOR, cupy, *filter(Path.is_dir, (cupy / 'cupy/_cccl').iterdir())]
    temporary = result.with_suffix(f'.{os.getpid()}')
    done = subprocess.run([COMPILER, *FLAGS, *[f'-I{path}' for path in headers], *arguments, '-o', str(temporary)],
                          input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{done.stderr}\n{text}')
    temporary.replace(result)


def _overwrite(module: Path, driver: ctypes.CDLL) -> None:
    """Has the functions of CUDA's runtime within a loaded module jump to those of the driver."""
    base = next(int(line.split('-')[0], 16) for line in Path('/proc/self/maps').read_text().splitlines()
                if line.endswith(str(module)))
    protect = ctypes.CDLL(None).mprotect
    for offset, name in re.findall(r'^(\w+) [tT] (cuda[A-Z]\w*)$', _symbols(module), re.MULTILINE):
        function = getattr(driver, name, driver.not_supported)
        target = ctypes.cast(function, ctypes.c_void_p).value
        address = base + int(offset, 16)
        if protect(ctypes.c_void_p(address & ~0xfff), ctypes.c_size_t(0x2000), 7):
            raise OSError(f'{name}: mprotect failed')
        # mov rax, target; jmp rax
        ctypes.memmove(address, b'\x48\xb8' + target.to_bytes(8, 'little') + b'\xff\xe0', 12)


def _module(root: Path, source: str, options: tuple[str, ...] = (), *, name_expressions: Any = None,
            **_: Any) -> Any:
    """A ``cupy.cuda.Module`` of a text, as ``cupy.cuda.compiler._compile_module_with_cache`` returns it."""
    from cuda_text import for_host
    from cupy.cuda import compiler, function
    mapping = {expression: f'kernel_{i}' for i, expression in enumerate(name_expressions or ())}
    kernels = {name: expression for expression, name in mapping.items()} or {
        name: name for name in _KERNEL.findall(source)}
    text, together = for_host(source)
    text += '\n' + ''.join([
        f'DESCRIBE({name}, ({expression}), {together})\n' for name, expression in kernels.items()])
    defined = [option for option in options if option.startswith('-D')]
    path = _built(root) / f'{hashlib.sha256((text + " ".join(defined)).encode()).hexdigest()[:32]}.so'
    if not path.exists():
        try:
            _compile(root, ['-shared', *defined, '-include', str(_built(root) / 'kernel.h'), '-x', 'c++', '-'], text,
                     path)
        except RuntimeError as error:
            raise compiler.CompileException(str(error), source, 'kernel', options) from error
    module = function.Module()
    module._set_mapping(mapping or None)
    module.load(os.fsencode(path) + b'\0')
    return module


def _view(address: int, dtype: Any, shape: Any) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


def _argsort(dtype: Any, places: int, data: int, keys: int, shape: Any) -> None:
    _view(places, np.int64, shape)[...] = np.argsort(_view(data, dtype, shape), axis=-1, kind='stable')


def _sort(dtype: Any, data: int, keys: int, shape: Any) -> None:
    _view(data, dtype, shape).sort(axis=-1)
