"""Damaged and hostile files: a result or the one documented error, and memory within bounds."""
from __future__ import annotations

import io
import random
import resource
from collections import Counter

import numpy as np
import pytest

pytest.importorskip('google.protobuf')

from autograd_nn import caffe
from autograd_nn.caffe import wire
from support.caffe.reference import Blob, Net, UnpackedBlob


def make_files():
    """A file of the current version, one of the first two, and a mean image."""
    x = np.random.default_rng(0).standard_normal(12).astype(np.float32)
    current = Net(name='net', layer=[
        {'name': 'data', 'type': 'Input', 'top': ['data']},
        {'name': 'conv', 'type': 'Convolution', 'bottom': ['data'], 'top': ['conv'],
         'blobs': [{'shape': {'dim': [2, 3, 2, 1]}, 'data': x}, {'shape': {'dim': [2]}, 'double_data': [1, 2]}]},
        {'name': 'fc', 'type': 'InnerProduct', 'bottom': ['conv'], 'top': ['fc'],
         'blobs': [{'num': 1, 'channels': 1, 'height': 3, 'width': 4, 'data': x},
                   {'raw_data_type': 2, 'raw_data': b'\0' * 8}]}])
    old = Net()
    old.layers.add(name='conv', type=4, bottom=['data'], top=['conv'], blobs=[{'data': x}], blobs_lr=[1, 2])
    blob = UnpackedBlob(num=3, channels=4, height=1, width=1, data=x)
    old.layers.add(bottom=['conv'], top=['fc'], layer={'name': 'fc', 'type': 'innerproduct', 'blobs': [blob]})
    mean = Blob(num=1, channels=3, height=2, width=2, data=x)
    return [(caffe.read_caffemodel, current.SerializeToString()), (caffe.read_caffemodel, old.SerializeToString()),
            (caffe.read_mean, mean.SerializeToString())]


def mutate(data, rng):
    """One of the ways in which files are damaged, or made to do damage."""
    data = bytearray(data)
    place = rng.randrange(len(data))
    kind = rng.randrange(7)
    if kind == 0:
        del data[place:]
    elif kind == 1:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[place:place + 1] = rng.choice([b'\xff\xff\xff\xff\x0f', b'\xff' * 9 + b'\x01', b'\xff' * 10, b'\x80' * 30])
    elif kind == 3:
        data[place:place] = rng.randbytes(rng.randint(1, 20))
    elif kind == 4:
        data[place:] = data[rng.randrange(len(data)):]
    elif kind == 5:
        data[place:place + rng.randint(1, 40)] = b''
    else:
        data = bytearray(rng.randbytes(rng.randint(1, 200)))
    return bytes(data)


@pytest.mark.parametrize('seed', range(4))
def test_damaged_files(seed):
    rng = random.Random(seed)
    files = make_files()
    outcomes = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(2500):
        read, data = files[number % len(files)]
        for _ in range(rng.choice([1, 1, 2, 4])):
            data = mutate(data, rng) or b'\0'
        try:
            read(io.BytesIO(data))
            outcomes['read'] += 1
        except ValueError as error:
            assert str(error).startswith(f'{read.__name__}: the file object: '), error
            outcomes['error'] += 1
    assert outcomes['read'] > 25 and outcomes['error'] > 1000, outcomes
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


@pytest.mark.parametrize('seed', range(2))
def test_damaged_texts(seed):
    rng = random.Random(seed)
    text = b'name: "n" layer { name: "c" type: "Convolution" convolution_param { pad: [1, 2] } own { a: 1 } }'
    for _ in range(300):
        data = mutate(text, rng)
        try:
            caffe.read_prototxt(io.BytesIO(data))
        except ValueError as error:
            assert str(error).startswith('read_prototxt: the file object: '), error


@pytest.mark.parametrize(('data', 'message'), [
    (b'\xa2\x06\x00' * (wire.MAX_FIELDS + 1), 'more than 200,000 fields'),
    (b'\x0a\x80\x80\x80\x05' + b'n' * (10 << 20), 'more than 8,388,608 bytes besides weights'),
    (b'\x0b' * (1 << 20), 'wire type 3'),
])
def test_files_of_nothing_but_structure_end_early(data, message):
    with pytest.raises(ValueError, match=message):
        caffe.read_caffemodel(io.BytesIO(data))
