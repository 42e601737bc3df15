"""Arrays of signs and one scale a row, in one bit an element: they come back as they were, to the last bit."""
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import autograd_nn as ann
from autograd_nn import serializers
from autograd_nn.serializers.npz import NpzReader


def save(arrays, **options):
    file = io.BytesIO()
    serializers.save_npz(file, arrays, pack=True, **options)
    file.seek(0)
    return file


def as_bits(array):
    return array.shape, array.dtype, array.tobytes()


@given(array_shapes(min_dims=2, max_dims=4, max_side=9), st.sampled_from('efd'), st.integers(0, 2 ** 32 - 1))
def test_signs(shape, dtype, seed):
    """Scales of any size, also the least and zero, whose sign counts."""
    random = np.random.default_rng(seed)
    scales = random.choice(np.array([0, np.finfo(dtype).tiny / 2, 0.1, 1 / 3, 7, np.finfo(dtype).max, np.inf], dtype),
                           (shape[0], *[1] * (len(shape) - 1)))
    array = (scales * random.choice(np.array([-1, 1], dtype), shape)).astype(dtype)
    if not scales.all():
        array[scales.ravel() == 0] = random.choice(np.array([-0., 0.], dtype), shape)[scales.ravel() == 0]
    file = save({'layer/W': array})
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ['layer/W.scales.npy', 'layer/W.shape.npy', 'layer/W.signs.npy']
    with NpzReader(file) as reader:
        assert list(reader) == ['layer/W'] and len(reader) == 1
        assert as_bits(reader['layer/W']) == as_bits(array)


def test_what_is_not_packed():
    arrays = {'real': np.random.randn(3, 4), 'vector': np.ones(5), 'integers': np.ones((2, 2), int),
              'nan': np.full((2, 2), np.nan), 'nearly': np.array([[1, 1 + 2 ** -23], [1, 1]], 'f'),
              'empty': np.zeros((0, 3)), 'no columns': np.zeros((3, 0)), 'number': np.array(1.)}
    file = save(arrays)
    assert sorted(np.load(file)) == sorted(arrays)
    with NpzReader(file) as reader:
        for name, array in arrays.items():
            assert as_bits(reader[name]) == as_bits(array)


def test_size():
    """An eighth of a byte each, and some for the names."""
    W = np.where(np.random.rand(500, 800) < 0.5, -1, 1).astype('f')
    assert len(save({'W': W}).getvalue()) < W.size / 8 + 500 * 4 + 1500


@pytest.mark.parametrize('compression', [False, True])
def test_links_load_as_from_any_file(compression):
    link, other = ann.Link(W=(3, 5), b=(3,)), ann.Link(W=(3, 5), b=(3,))
    link.W.array[...] = np.where(np.random.rand(3, 5) < 0.5, -0.3, 0.3)
    link.b.array[...] = np.random.randn(3)
    file = save(ann.Chain(child=link), compression=compression)
    serializers.load_npz(file, other, 'child/')
    file.seek(0)
    matched = ann.Link(W=(3, 5), b=(3,))
    assert sorted(serializers.load_matching(file, matched, 'child').loaded) == ['W', 'b']
    for each in other, matched:
        assert as_bits(each.W.array) == as_bits(link.W.array) and as_bits(each.b.array) == as_bits(link.b.array)


def test_damaged_and_lookalike_files():
    parts = {'W.signs': np.zeros(1, np.uint8), 'W.scales': np.ones(2, 'f'), 'W.shape': np.array([2, 40])}
    file = io.BytesIO()
    serializers.save_npz(file, parts)
    with NpzReader(file) as reader, pytest.raises(ValueError, match=r"^load_npz: .* is damaged at 'W': .*40"):
        reader['W']
    del parts['W.shape']  # somebody's own arrays
    file = io.BytesIO()
    serializers.save_npz(file, parts)
    with NpzReader(file) as reader:
        assert sorted(reader) == ['W.scales', 'W.signs'] and reader['W.scales'].tolist() == [1, 1]
        with pytest.raises(KeyError):
            reader['W']
