"""One seed and one state for everything in the framework that is random.

Initializers, dropout and its relatives, the order of iterators and the choice of cross-validation folds draw from
NumPy's global generator, and from CuPy's for arrays on a GPU.
"""
from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from autograd_nn import cuda


def seed(seed: int) -> None:
    """Makes a run repeatable: from here on, the same program draws the same numbers.

    Args:
        seed: A number from 0 to 2 ** 32 - 1.

    Raises:
        ValueError: The seed is out of this range.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> ann.random.seed(0)
        >>> x = np.random.rand(3)
        >>> ann.random.seed(0)
        >>> np.array_equal(x, np.random.rand(3))
        True
    """
    np.random.seed(seed)
    if cuda.available:
        cuda.cupy.random.seed(seed)


def fingerprint() -> int:
    """A number from 0 to 2 ** 32 - 1 that depends on NumPy's global generator, from which nothing is drawn."""
    state: dict[str, Any] = np.random.get_state(legacy=False)['state']
    return zlib.crc32(state['key'].tobytes(), state['pos'])


def get_state() -> dict[str, Any]:
    """The state of the generators as plain arrays and numbers, which any serializer can write.

    A snapshot keeps it so that a resumed run continues with the numbers that the first one would have drawn: an
    extension stores each entry under its name, ``for name, value in get_state().items(): serializer(name, value)``,
    and on loading hands a dict of what it read to `set_state`; for `numpy_key`, an array, the serializer fills what it
    is given.

    The generator on a GPU does not show its state. It is given a new seed, drawn from itself, and the seed is returned.

    Returns:
        A dict with the state of NumPy's Mersenne Twister: `numpy_key` (an array of shape (624,), uint32), the integers
        `numpy_pos` and `numpy_has_gauss` and the float `numpy_gauss`; where there is a GPU, the integer `cupy_seed`.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> state = ann.random.get_state()
        >>> x = np.random.rand(3)
        >>> ann.random.set_state(state)
        >>> np.array_equal(x, np.random.rand(3))
        True
    """
    state: Any = np.random.get_state(legacy=False)
    if state['bit_generator'] != 'MT19937':
        raise RuntimeError(f"get_state: expected NumPy's global generator to be MT19937, not {state['bit_generator']}")
    result = {'numpy_key': state['state']['key'].copy(), 'numpy_pos': int(state['state']['pos']),
              'numpy_has_gauss': int(state['has_gauss']), 'numpy_gauss': float(state['gauss'])}
    if cuda.available:
        result['cupy_seed'] = int(cuda.cupy.random.randint(2 ** 31))
        cuda.cupy.random.seed(result['cupy_seed'])
    return result


def set_state(state: dict[str, Any]) -> None:
    """Continues from a state that `get_state` returned.

    Args:
        state: The dict; its numbers may have become arrays with one element on the way through a file.

    Raises:
        KeyError: An entry is missing.
        ValueError: `numpy_key` is not the state of a Mersenne Twister.
    """
    key = np.asarray(state['numpy_key'], dtype=np.uint32)
    if key.shape != (624,):
        raise ValueError(f'set_state: expected numpy_key of shape (624,), got {key.shape}')
    np.random.set_state(('MT19937', key, int(state['numpy_pos']), int(state['numpy_has_gauss']),
                         float(state['numpy_gauss'])))
    # A snapshot from a machine without a GPU says nothing of CuPy's generator, and the other way round.
    if cuda.available and 'cupy_seed' in state:
        cuda.cupy.random.seed(int(state['cupy_seed']))
