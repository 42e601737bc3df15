"""Safetensors files: the names and the meaning of NPZ files, and what other programs have written."""
from __future__ import annotations

import io
import json
import random
import struct
import sys

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizers, serializers

numpy_files = pytest.importorskip('safetensors.numpy')


def make_model():
    return ann.Chain(conv=L.Convolution2D(3, 4, 3), bn=L.BatchNormalization(4), fc=L.Linear(6, 2))


def save(obj):
    file = io.BytesIO()
    serializers.save_safetensors(file, obj)
    return file


def write(header, data=b''):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack('<Q', len(text)) + text + data


def values(link):
    serializer = serializers.DictionarySerializer()
    serializer.save(link)
    return serializer.target


def test_round_trip(tmp_path):
    model, fresh = make_model(), make_model()
    model.bn(np.random.randn(5, 4).astype('f'))
    serializers.save_safetensors(tmp_path / 'model.safetensors', model)
    serializers.load_safetensors(tmp_path / 'model.safetensors', fresh)
    for name, value in values(model).items():
        np.testing.assert_array_equal(values(fresh)[name], value)


def test_the_names_are_those_of_npz_files():
    model = make_model()
    arrays = numpy_files.load(save(model).getvalue())
    assert set(arrays) == set(values(model))
    np.testing.assert_array_equal(arrays['conv/W'], model.conv.W.array)


def test_loads_what_the_library_has_written():
    model = L.Linear(3, 2)
    file = io.BytesIO(numpy_files.save({'W': np.ones((2, 3), 'f'), 'b': np.zeros(2, 'f')}))
    serializers.load_safetensors(file, model)
    assert (model.W.array == 1).all()


def test_an_optimizer_continues():
    model = L.Linear(3, 2)
    optimizer = optimizers.Adam().setup(model)
    optimizer.update(lambda: F.sum(model(np.ones((1, 3), 'f'))))
    other = optimizers.Adam().setup(L.Linear(3, 2))
    serializers.load_safetensors(save(optimizer), other)
    assert other.t == 1
    np.testing.assert_array_equal(other.target.W.update_rule.state['m'], model.W.update_rule.state['m'])


def test_a_parameter_without_an_array_stays_without():
    file = save(ann.Chain(a=L.Linear(None, 2), b=L.Linear(2, 2)))
    fresh = ann.Chain(a=L.Linear(None, 2), b=L.Linear(2, 2))
    serializers.load_safetensors(file, fresh)
    assert fresh.a.W.array is None and set(numpy_files.load(file.getvalue())) == {'a/b', 'b/W', 'b/b'}


@pytest.mark.parametrize('dtype', ['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '?', '>f4'])
def test_dictionaries_of_every_dtype(dtype):
    x = np.arange(6).reshape(3, 2).astype(dtype).T
    loaded = {'x': np.zeros((2, 3), x.dtype.newbyteorder('=')), 'y': np.zeros((), 'f')}

    class Target:
        def serialize(self, serializer):
            for key in loaded:
                serializer(key, loaded[key])
    serializers.load_safetensors(save({'x': x, 'y': np.array(2, 'f')}), Target())
    np.testing.assert_array_equal(loaded['x'], x)
    assert loaded['y'] == 2


def test_bfloat16_becomes_float32():
    bits = np.array([0x3f80, 0xc020], '<u2')
    link = ann.Link()
    with link.init_scope():
        link.W = ann.Parameter(np.zeros(2, 'f'))
    data = write({'W': {'dtype': 'BF16', 'shape': [2], 'data_offsets': [0, 4]}}, bits.tobytes())
    serializers.load_safetensors(io.BytesIO(data), link)
    np.testing.assert_array_equal(link.W.array, [1, -2.5])


def test_path_strict_and_ignored_names():
    file, link = save(ann.Chain(a=L.Linear(3, 2), b=L.Linear(3, 2))), L.Linear(3, 2, nobias=True)
    serializers.load_safetensors(file, link, path='b/')
    with pytest.raises(KeyError, match="there is no 'conv/W'"):
        serializers.load_safetensors(file, make_model())
    serializers.load_safetensors(file, make_model(), strict=False)
    before = link.W.array.copy()
    serializers.load_safetensors(save({'W': np.zeros(1)}), link, ignore_names='W')
    np.testing.assert_array_equal(link.W.array, before)


def test_a_link_that_does_not_fit_stays_as_it_is():
    link = L.Linear(3, 2)
    before = {name: value.copy() for name, value in values(link).items()}
    with pytest.raises(ValueError, match=r"'b': expected shape \(2,\), found \(5,\)"):
        serializers.load_safetensors(save({'W': np.ones((2, 3), 'f'), 'b': np.ones(5, 'f')}), link)
    for name, value in before.items():
        np.testing.assert_array_equal(values(link)[name], value)


@pytest.mark.parametrize('value', ['text', np.ones(2, 'c8'), np.ones(2, 'c16'), np.ones(2, 'U3')])
def test_values_without_a_type_are_refused(value, tmp_path):
    with pytest.raises(TypeError, match="save_safetensors: the format has no type for 'x'"):
        serializers.save_safetensors(tmp_path / 'x', {'x': value})
    assert list(tmp_path.iterdir()) == []


ENTRY = {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]}


@pytest.mark.parametrize('data', [
    b'', b'1234', b'PK\x03\x04' * 9, struct.pack('<Q', 1 << 62) + b'{}', write(b'{x'), write(b'[' * 10_000),
    write({'W': ENTRY}), write({'W': ENTRY}, b'1' * 9), write({'W': {**ENTRY, 'shape': [1 << 62, 1 << 62]}}, b'1' * 8),
    write({'W': {**ENTRY, 'shape': [-2]}}, b'1' * 8), write({'W': {**ENTRY, 'data_offsets': [8, 0]}}, b'1' * 8),
    write({'W': ENTRY, 'b': ENTRY}, b'1' * 8), write({'W': {**ENTRY, 'dtype': 'F99'}}, b'1' * 8),
])
def test_headers_that_lie(data):
    with pytest.raises(ValueError, match='load_safetensors: the file object is no safetensors file, or damaged: '):
        serializers.load_safetensors(io.BytesIO(data), L.Linear(2, 2))


def test_types_that_numpy_does_not_have():
    data = write({'W': {'dtype': 'F8_E4M3', 'shape': [8], 'data_offsets': [0, 8]}}, b'1' * 8)
    with pytest.raises(ValueError, match="'W' has the type F8_E4M3"):
        serializers.load_safetensors(io.BytesIO(data), L.Linear(2, 2))


@pytest.mark.parametrize('names', ['[1, [2]]', '{"W": 1}', '[' * 100_000, 'x', '["W"]'])
def test_metadata_of_other_programs(names):
    data = write({'W': {**ENTRY, 'shape': [1, 2]}, '__metadata__': {'none': names}}, np.ones(2, '<f4').tobytes())
    link = L.Linear(2, 1, nobias=True)
    serializers.load_safetensors(io.BytesIO(data), link)
    assert (link.W.array == 1).all()


def test_damaged_files():
    rng = random.Random(0)
    original = save(make_model()).getvalue()
    for _ in range(1500):
        data = bytearray(original)
        for _ in range(rng.choice([1, 2, 4])):
            data[rng.randrange(min(len(data), 700))] = rng.randrange(256)
        try:
            serializers.load_safetensors(io.BytesIO(bytes(data)), make_model())
        except (ValueError, KeyError) as error:
            assert 'load' in str(error)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    with pytest.raises(ImportError, match=r"pip install 'autograd_nn\[safetensors\]'"):
        serializers.save_safetensors(io.BytesIO(), L.Linear(2, 2))
