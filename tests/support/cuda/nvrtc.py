"""NVIDIA's runtime compiler, as far as it is needed to see whether a text compiles; it needs no GPU and no driver.

A text is compiled as CuPy made it, within CuPy's own headers.
"""
from __future__ import annotations

import ctypes
import ctypes.util
import functools
import os
import re
import sys
from pathlib import Path

# What CuPy includes for any kernel, and those for the types in half precision.
_CUPY = ''.join(f'#include <cupy/{name}>\n' for name in (
    'complex.cuh', 'carray.cuh', 'atomics.cuh', 'math_constants.h', 'float16.cuh', 'bfloat16.cuh'))


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiler, from the wheel ``nvidia-cuda-nvrtc-cu12`` or from an installation of CUDA."""
    candidates = [path for root in _packages() for path in sorted(root.glob('nvidia/cuda_nvrtc/lib/libnvrtc.so*'))]
    candidates += sorted(Path('/usr/local/cuda/lib64').glob('libnvrtc.so.*'))
    name = ctypes.util.find_library('nvrtc')
    for path in [*map(str, candidates), *([name] if name else [])]:
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


def version() -> tuple[int, int]:
    major, minor = ctypes.c_int(), ctypes.c_int()
    library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return major.value, minor.value


def architectures() -> list[int]:
    """The compute capabilities, times ten, for which it compiles."""
    count = ctypes.c_int()
    library().nvrtcGetNumSupportedArchs(ctypes.byref(count))
    numbers = (ctypes.c_int * count.value)()
    library().nvrtcGetSupportedArchs(numbers)
    return list(numbers)


def _packages() -> list[Path]:
    """Where Python's packages are, and those that CUPY_PACKAGES names."""
    return [*map(Path, filter(None, [os.environ.get('CUPY_PACKAGES'), *sys.path]))]


@functools.cache
def headers() -> list[str]:
    """The directories of CuPy's headers and of CUDA's; none if these are not there."""
    for root in _packages():
        cupy, cuda = root / 'cupy/_core/include', root / 'nvidia/cuda_runtime/include'
        if (cupy / 'cupy/bfloat16.cuh').exists() and cuda.exists():
            return [*map(str, (cupy, *filter(Path.is_dir, (cupy / 'cupy/_cccl').iterdir()), cuda))]
    return []


def errors(text: str, architecture: int, machine_code: bool = True) -> str | None:
    """What the compiler has to say against a text; None if it compiles.

    Args:
        text: CUDA C++, in which CuPy's types are known.
        architecture: The compute capability times ten.
        machine_code: Whether to compile it to machine code, or only to PTX, which takes a third of the time.
    """
    program = ctypes.c_void_p()
    # It makes the locale of the thread C, in which Python takes files for ASCII.
    use_locale = ctypes.CDLL(None).uselocale
    use_locale.argtypes, use_locale.restype = [ctypes.c_void_p], ctypes.c_void_p
    before = use_locale(None)
    source = f'{_CUPY}#line 1\n{_without_includes(text)}'
    _check(library().nvrtcCreateProgram(ctypes.byref(program), source.encode(), b'kernel.cu', 0, None, None))
    try:
        # Without optimization, which takes eight times as long and finds no errors.
        target = f'{"sm" if machine_code else "compute"}_{architecture}'
        flags = [f'--gpu-architecture={target}', '--std=c++17', '--disable-warnings', '--device-debug',
                 *[f'-I{directory}' for directory in headers()]]
        status = library().nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(
            *[flag.encode() for flag in flags]))
        if status == 0:
            return None
        size = ctypes.c_size_t()
        _check(library().nvrtcGetProgramLogSize(program, ctypes.byref(size)))
        log = ctypes.create_string_buffer(size.value)
        _check(library().nvrtcGetProgramLog(program, log))
        return log.value.decode() or f'error {status}'
    finally:
        library().nvrtcDestroyProgram(ctypes.byref(program))
        use_locale(before)


def _without_includes(text: str) -> str:
    return re.sub(r'^#include <cupy/.*\n', '', text, flags=re.MULTILINE)


def _check(status: int) -> None:
    if status:
        library().nvrtcGetErrorString.restype = ctypes.c_char_p
        raise RuntimeError(f'NVRTC: {library().nvrtcGetErrorString(status).decode()}')


def joined(texts: list[str]) -> str:
    """Many texts as one, each in a namespace of its own, where names in C would be the same ones."""
    return '\n'.join(f'namespace text_{i} {{\n{_without_includes(text).replace(_C, "")}\n}}\n{_UNDEFINED}'
                     for i, text in enumerate(texts))


_C = 'extern "C"'
_UNDEFINED = '#undef REDUCE\n#undef POST_MAP\n#undef _REDUCE'
