"""Builds the text of kernels with the system's C++ compiler and keeps the results by their content."""
from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

from cuda_text import for_host

from .cuda import graph
from .cuda.compiler import CompileException

HERE = Path(__file__).parent
HEADERS = [HERE / name for name in ('host.h', 'halves.h', 'types.h', 'threads.h')]
COMPILER = os.environ.get('CXX', 'c++')
FLAGS = ['-std=c++17', '-O1', '-fPIC', '-w', '-fno-strict-aliasing', '-fmax-errors=5']


@functools.cache
def _cache() -> Path:
    """The directory of what was built; in it all headers, compiled once, and the library that runs threads, loaded."""
    text = ''.join(path.read_text() for path in HEADERS)
    runner = (HERE / 'threads.cpp').read_text()
    version = subprocess.run([COMPILER, '--version'], capture_output=True, text=True, check=True).stdout
    key = hashlib.sha256((text + runner + version + ' '.join(FLAGS)).encode()).hexdigest()[:16]
    root = os.environ.get('CUDA_EMULATOR_CACHE') or Path(tempfile.gettempdir(), f'cuda_emulator-{os.getuid()}')
    directory = Path(root, key)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (directory / 'threads.so').exists():
        _write(directory / 'cuda.h', text.replace('#pragma once', ''))
        _compile(['-x', 'c++-header', str(directory / 'cuda.h')], '', directory / 'cuda.h.gch')
        _compile(['-shared', '-I', str(HERE), '-x', 'c++', '-'], runner, directory / 'threads.so')
    ctypes.CDLL(str(directory / 'threads.so'), ctypes.RTLD_GLOBAL)
    return directory


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(f'.{os.getpid()}')
    temporary.write_text(text)
    temporary.replace(path)


def _compile(arguments: list[str], text: str, result: Path) -> None:
    temporary = result.with_suffix(f'.{os.getpid()}')
    done = subprocess.run([COMPILER, *FLAGS, *arguments, '-o', str(temporary)], input=text, capture_output=True,
                          text=True)
    if done.returncode:
        raise CompileException(f'{done.stderr}\n{text}')
    temporary.replace(result)


def _log(text: str, kernels: tuple[str, ...]) -> None:
    """Keeps what runs in the directory ``CUDA_EMULATOR_LOG``, if that is set, for tests to see what has run."""
    directory = os.environ.get('CUDA_EMULATOR_LOG')
    if directory:
        entry = json.dumps({'kernels': kernels, 'text': text})
        _write(Path(directory, hashlib.sha256(entry.encode()).hexdigest()[:32] + '.json'), entry)


@functools.cache
def library(text: str, kernels: tuple[str, ...]) -> ctypes.PyDLL:
    """The library with the kernels of a translation unit: functions ``launch_0``, ``launch_1``, ... as they are listed.

    Args:
        text: CUDA C++.
        kernels: How expressions in it name its kernels, such as ``sum<float>``.

    Raises:
        CompileException: The compiler refused.
    """
    original = text
    text, together = for_host(text)
    text += ''.join(f'''
extern "C" const char *launch_{i}(void **arguments, int count, const unsigned *grid, const unsigned *block) {{
    return emulator::launch({kernel}, arguments, count, grid, block, {together});
}}
''' for i, kernel in enumerate(kernels))
    path = _cache() / f'{hashlib.sha256(text.encode()).hexdigest()[:32]}.so'
    if not path.exists():
        _compile(['-shared', '-include', str(_cache() / 'cuda.h'), '-x', 'c++', '-'], text, path)
    _log(original, kernels)
    return ctypes.PyDLL(str(path))


def launch(function: ctypes._CFuncPtr, name: str, grid: tuple[int, ...], block: tuple[int, ...],
           arguments: list) -> None:
    """Runs a kernel.

    Args:
        function: One of the functions of a `library`.
        name: The name to use in errors.
        grid: The number of blocks on up to three axes.
        block: The number of threads of a block on up to three axes.
        arguments: NumPy arrays that hold the bytes of each argument.

    Raises:
        RuntimeError: The kernel reached beyond an array, its threads wait for ever, or the launch is impossible.
    """
    grid, block = ((*sizes, 1, 1)[:3] for sizes in (grid, block))
    threads = block[0] * block[1] * block[2]
    if not 0 < threads <= 1024 or min(grid) < 1 or max(grid[1:]) > 65535:
        raise RuntimeError(f'CUDA_ERROR_INVALID_VALUE: {name}: grid {grid}, block {block}')
    function.restype = ctypes.c_char_p
    pointers = (ctypes.c_void_p * max(len(arguments), 1))(*[a.ctypes.data for a in arguments])
    sizes = (ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(*block)

    def run() -> None:
        assert len(arguments) <= len(pointers)  # and they are kept, for what is recorded
        failure = function(pointers, len(arguments), *sizes)
        if failure is not None:
            raise RuntimeError(f'kernel {name}: {failure.decode()}')
    run()
    graph.record(run)
