"""Arrays of which each row has one number and its negative, in one bit an element: the weights of binary layers."""
from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

SIGNS, SCALES, SHAPE = '.signs', '.scales', '.shape'


def pack_signs(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by name, with three small ones in place of each that consists of signs and one scale a row.

    Args:
        arrays: The arrays.

    Returns:
        What `unpack_signs` makes the same arrays of, to the last bit: for each that is packed the bits of its signs,
        the scales of its rows, and its shape.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.serializers.sign_bits import pack_signs, unpack_signs
        >>> W = np.array([[0.5, -0.5, 0.5], [-2, -2, 2]], 'f')
        >>> packed = pack_signs({'W': W, 'b': np.ones(2, 'f')})
        >>> list(packed)
        ['W.signs', 'W.scales', 'W.shape', 'b']
        >>> packed['W.signs'], packed['W.scales']
        (array([88], dtype=uint8), array([0.5, 2. ], dtype=float32))
        >>> unpack_signs(packed, 'W')
        array([[ 0.5, -0.5,  0.5],
               [-2. , -2. ,  2. ]], dtype=float32)
    """
    packed: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.dtype.kind != 'f' or array.ndim < 2 or not array.size:
            packed[name] = array
            continue
        sizes = abs(array.reshape(len(array), -1))
        if (sizes != sizes[:, :1]).any():
            packed[name] = array
        else:
            packed[name + SIGNS] = np.packbits(np.signbit(array))
            packed[name + SCALES] = sizes[:, 0]
            packed[name + SHAPE] = np.array(array.shape)
    return packed


def packed_names(names: Collection[str]) -> set[str]:
    """The names of arrays that are packed, among those of all arrays that there are.

    Args:
        names: The names.

    Example:
        >>> packed_names(['W.signs', 'W.scales', 'W.shape', 'b'])
        {'W'}
    """
    found = {name.removesuffix(SIGNS) for name in names if name.endswith(SIGNS)}
    return {name for name in found if {name + SCALES, name + SHAPE} <= set(names)}


def unpack_signs(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """An array that `pack_signs` has packed.

    Args:
        arrays: What it returned.
        name: The array's name.

    Raises:
        ValueError: They are damaged.
    """
    shape, scales, signs = (arrays[name + part] for part in (SHAPE, SCALES, SIGNS))
    count = int(np.prod(shape))
    if signs.size != -(-count // 8) or scales.shape != tuple(shape[:1]):
        raise ValueError(f'expected signs and scales of an array of shape {tuple(shape.tolist())}')
    negative = np.unpackbits(signs, count=count).astype(bool).reshape(len(scales), -1)
    return np.where(negative, -scales[:, None], scales[:, None]).reshape(shape)
