"""Reading what the protobuf library has written, and what is no network of Caffe."""
from __future__ import annotations

import io
import logging
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

pytest.importorskip('google.protobuf')

from autograd_nn import caffe
from support.caffe.reference import Blob, Net, UnpackedBlob


def read(net):
    return caffe.read_caffemodel(io.BytesIO(net.SerializeToString()))


def layer_with(**blob):
    return Net(layer=[{'name': 'l', 'type': 'InnerProduct', 'blobs': [blob]}])


RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3)).astype(np.float32)


def test_layers_and_their_blobs():
    net = Net(name='n', layer=[
        {'name': 'data', 'type': 'Input', 'top': ['data']},
        {'name': 'l', 'type': 'InnerProduct', 'bottom': ['data'], 'top': ['l'],
         'blobs': [{'shape': {'dim': [2, 3]}, 'data': X.ravel()}, {'shape': {'dim': [2]}, 'data': X[:, 0]}]}])
    param, blobs = read(net)
    assert param.name == 'n'
    assert [(layer.name, layer.type, list(layer.bottom)) for layer in param.layer] == [
        ('data', 'Input', []), ('l', 'InnerProduct', ['data'])]
    assert list(blobs) == ['l']
    np.testing.assert_array_equal(blobs['l'][0], X)
    np.testing.assert_array_equal(blobs['l'][1], X[:, 0])
    for blob in blobs['l']:
        assert blob.dtype == np.float32 and blob.flags.writeable and blob.flags.aligned and blob.flags.c_contiguous


@pytest.mark.parametrize('blob', [
    {'data': X.ravel()}, {'double_data': X.ravel()},
    {'raw_data_type': 0, 'raw_data': X.astype('<f8').tobytes()}, {'raw_data_type': 1, 'raw_data': X.tobytes()},
    {'raw_data': X.tobytes()}, {'raw_data_type': 2, 'raw_data': X.astype('<f2').tobytes()},
    {'data': X.ravel(), 'diff': np.ones(7)},
])
def test_numbers_of_every_precision(blob):
    _, blobs = read(layer_with(shape={'dim': [2, 3]}, **blob))
    expected = X.astype(np.float16) if blob.get('raw_data_type') == 2 else X
    np.testing.assert_array_equal(blobs['l'][0], expected.astype(np.float32))
    assert blobs['l'][0].dtype == np.float32


@pytest.mark.parametrize(('lengths', 'shape'), [
    ({'num': 1, 'channels': 1, 'height': 2, 'width': 3}, (1, 1, 2, 3)), ({}, (6,)), ({'shape': {'dim': [6]}}, (6,))])
def test_shapes_of_every_version(lengths, shape):
    _, blobs = read(layer_with(data=X.ravel(), **lengths))
    assert blobs['l'][0].shape == shape


def test_a_blob_without_axes_is_one_number():
    _, blobs = read(layer_with(data=[0.5], shape={}))
    assert blobs['l'][0].shape == () and blobs['l'][0] == 0.5


@pytest.mark.parametrize('count', [1, 3, 4, 5, 37, 40_000])
def test_numbers_each_with_its_key(count):
    numbers = RNG.standard_normal(count).astype(np.float32)
    # Numbers whose last byte is that of the key must not be taken for keys.
    numbers[::3] = np.frombuffer(b'-' * 4, '<f4')
    blob = UnpackedBlob(width=count, height=1, channels=1, num=1, data=numbers)
    net = Net()
    net.layers.add(layer={'name': 'c', 'type': 'conv', 'blobs': [blob]})
    _, blobs = read(net)
    np.testing.assert_array_equal(blobs['c'][0].ravel(), numbers)


def test_doubles_each_with_its_key():
    net = Net()
    net.layers.add(layer={'name': 'c', 'type': 'conv', 'blobs': [UnpackedBlob(double_data=X.ravel())]})
    np.testing.assert_array_equal(read(net)[1]['c'][0], X.ravel())


def test_layers_of_one_name_and_types_nobody_knows_are_read():
    layers = [{'name': 'l', 'type': 'Own', 'blobs': [{'data': [1]}]}, {'name': 'l', 'type': 'Own'}]
    param, blobs = read(Net(layer=layers))
    assert [layer.type for layer in param.layer] == ['Own', 'Own']
    assert blobs['l'][0] == [1]


def test_a_round_trip_keeps_everything(tmp_path):
    net = caffe.NetParameter(name='n', layer=[
        {'name': 'conv', 'type': 'Convolution', 'bottom': ['x'], 'convolution_param': {'num_output': 2, 'pad': [1, 0]}},
        {'name': 'relu', 'type': 'ReLU', 'relu_param': {'negative_slope': 0.1}},
        {'name': 'scale', 'type': 'Scale'}])
    blobs = {'conv': [RNG.standard_normal((2, 3, 1, 1)).transpose(0, 1, 3, 2), np.zeros(2)],
             'scale': [np.array(2.), np.empty((0, 4))]}
    caffe.write_caffemodel(tmp_path / 'net.caffemodel', net, blobs)
    caffe.write_prototxt(tmp_path / 'net.prototxt', net)
    read_net, read_blobs = caffe.read_caffemodel(tmp_path / 'net.caffemodel')
    assert read_net == net == caffe.read_prototxt(tmp_path / 'net.prototxt')
    for name, arrays in blobs.items():
        for array, stored in zip(arrays, read_blobs[name], strict=True):
            assert stored.shape == array.shape
            np.testing.assert_array_equal(stored, array.astype(np.float32))


def test_the_protobuf_library_reads_what_is_written():
    file = io.BytesIO()
    net = caffe.NetParameter(layer=[{'name': 'l', 'type': 'InnerProduct', 'bottom': ['x']}])
    caffe.write_caffemodel(file, net, {'l': [X]})
    layer = Net.FromString(file.getvalue()).layer[0]
    assert (layer.name, layer.bottom, list(layer.blobs[0].shape.dim)) == ('l', ['x'], [2, 3])
    np.testing.assert_array_equal(np.float32(layer.blobs[0].data), X.ravel())


def test_blobs_without_a_layer_are_not_written():
    with pytest.raises(ValueError, match=r'write_caffemodel: there are blobs for m, but no such layer'):
        caffe.write_caffemodel(io.BytesIO(), caffe.NetParameter(), {'m': [X]})


@pytest.mark.parametrize(('blob', 'message'), [
    ({'data': X.ravel(), 'shape': {'dim': [2, 4]}}, r'expected 6 numbers in a blob .* found shape \(2, 4\)'),
    ({'data': X.ravel(), 'shape': {'dim': [-2, -3]}}, r'found shape \(-2, -3\)'),
    ({'data': X.ravel(), 'shape': {'dim': [1 << 62, 1 << 62]}}, 'expected 6 numbers'),
    ({'data': X.ravel(), 'shape': {'dim': [1] * 40 + [6]}}, r'found shape \(1, 1, 1, 1, 1, 1, 1, 1, \.\.\.\)'),
    ({'shape': {'dim': [2, 4]}}, r'expected 0 numbers in a blob'),
    ({'raw_data_type': 3, 'raw_data': b'1234'}, 'type 3'),
    ({'raw_data_type': 2, 'raw_data': b'123'}, 'numbers of 2 bytes, found 3'),
])
def test_a_blob_that_cannot_be(blob, message):
    with pytest.raises(ValueError, match=f'read_caffemodel: the file object: .*{message}'):
        read(layer_with(**blob))


@pytest.mark.parametrize(('data', 'kind'), [
    (b'', 'an empty file'), (b'\x89HDF\r\n\x1a\n', 'an HDF5 file'), (b'PK\x03\x04', 'a zip archive'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'a pointer of Git LFS'), (b'<!DOCTYPE html>', 'a web page'),
    (b'\nname: "net"\nlayer {', 'text, such as a .prototxt'), (b'\x0a\x01n', 'no layers'),
])
def test_a_file_of_another_kind_says_so(tmp_path, data, kind):
    path = tmp_path / 'a.caffemodel'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f'read_caffemodel: .*a.caffemodel: .* found {kind}'):
        caffe.read_caffemodel(path)


def test_a_name_that_looks_like_text_is_no_text():
    # Its length is that of a line feed.
    net, _ = read(Net(name='layer_name', layer=[{'name': 'l'}]))
    assert net.name == 'layer_name'


def test_a_truncated_file_says_where(tmp_path):
    data = layer_with(data=X.ravel(), shape={'dim': [2, 3]}).SerializeToString()
    for length in range(1, len(data)):
        with pytest.raises(ValueError, match='truncated or damaged'):
            caffe.read_caffemodel(io.BytesIO(data[:length]))


def test_names_must_be_text():
    data = layer_with(data=[1]).SerializeToString().replace(b'InnerProduct', b'Inner\xff\xfeoduct')
    with pytest.raises(ValueError, match=r'expected UTF-8 text in type|utf-8'):
        caffe.read_caffemodel(io.BytesIO(data))


def test_a_missing_file():
    with pytest.raises(FileNotFoundError):
        caffe.read_caffemodel('nowhere.caffemodel')


@pytest.mark.parametrize('lengths', [{'shape': {'dim': [3, 2, 4]}}, {'num': 1, 'channels': 3, 'height': 2, 'width': 4}])
def test_mean(lengths):
    mean = RNG.standard_normal((3, 2, 4)).astype(np.float32)
    read_mean = caffe.read_mean(io.BytesIO(Blob(data=mean.ravel(), **lengths).SerializeToString()))
    np.testing.assert_array_equal(read_mean, mean)
    file = io.BytesIO()
    caffe.write_mean(file, mean)
    np.testing.assert_array_equal(np.float32(Blob.FromString(file.getvalue()).data), mean.ravel())


def test_a_mean_has_three_axes():
    with pytest.raises(ValueError, match=r'read_mean: the file object: expected .* \(C, H, W\), found .* \(6,\)'):
        caffe.read_mean(io.BytesIO(Blob(data=X.ravel()).SerializeToString()))
    with pytest.raises(ValueError, match=r'write_mean: expected .* got \(2, 3\)'):
        caffe.write_mean(io.BytesIO(), X)


def test_labels(tmp_path):
    path = tmp_path / 'labels.txt'
    path.write_text('n01440764 tench, Tinca tinca\nzèbre\n\nn0 too short\n\n', encoding='utf-8')
    assert caffe.read_labels(path) == ['tench, Tinca tinca', 'zèbre', '', 'n0 too short']
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match=r'read_labels: .*labels\.txt: expected text in UTF-8'):
        caffe.read_labels(path)
    path.write_text('\n')
    with pytest.raises(ValueError, match='expected a name a line, found none'):
        caffe.read_labels(path)


def read_text(text):
    return caffe.read_prototxt(io.BytesIO(text.encode('utf-8') if isinstance(text, str) else text))


def test_text_leaves_out_what_is_not_known(caplog):
    with caplog.at_level(logging.DEBUG, 'autograd_nn.caffe'):
        net = read_text('''# a comment
            layer { name: "c" type: "Convolution" engine { a: 1 } quantum: 3
                    convolution_param { num_output: 3 kernel_size: 5 engine: MKL2017 } include { phase: TEST } }''')
    assert net.layer[0].convolution_param.kernel_size == [5]
    assert net.layer[0].include[0].phase == 1
    assert 'engine' in caplog.text


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'no layers'), ('name: "x"', 'no layers'), ('layer { name: "x"', "found at .*Expected"),
    ('layer { name: 3 }', "found at 1:15"), ('layer { pooling_param { pool: MEDIAN } }', 'MEDIAN'),
    ('a { ' * 100_000, 'expected a network'), (b'layer { name: "\0" }', 'binary data'),
    ('layer { batch_norm_param { eps: x } }', 'found at 1:33'), ('[type.googleapis.com/x] { }', 'expected a network'),
])
def test_what_is_not_text_of_a_network(text, message):
    with pytest.raises(ValueError, match=f'read_prototxt: the file object: .*{message}'):
        read_text(text)


@pytest.mark.parametrize('use', ['autograd_nn.links.caffe.CaffeFunction', 'import_module("autograd_nn.caffe")',
                                 'autograd_nn.exporters.caffe'])
def test_without_the_library(use):
    program = f"""
from importlib import import_module
import sys
import tracemalloc
sys.modules['google.protobuf'] = None
import autograd_nn
try:
    {use}
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert "pip install 'autograd_nn[caffe]'" in result.stdout


@pytest.mark.parametrize('form', ['packed', 'half'])
def test_memory_is_that_of_the_weights(form, tmp_path):
    numbers = RNG.standard_normal(5_000_000).astype(np.float32)
    blob = {'data': numbers} if form == 'packed' else {'raw_data_type': 2, 'raw_data': numbers.astype('<f2').tobytes()}
    path = tmp_path / 'large.caffemodel'
    path.write_bytes(layer_with(**blob).SerializeToString())
    tracemalloc.start()
    try:
        _, blobs = caffe.read_caffemodel(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert blobs['l'][0].nbytes == numbers.nbytes
    assert peak < numbers.nbytes * (1.05 if form == 'packed' else 1.55)
