"""Weights that Caffe has saved in HDF5's format."""
import io
import sys

import numpy as np
import pytest

from autograd_nn import caffe

h5py = pytest.importorskip('h5py')

X = np.random.default_rng(0).standard_normal((2, 3)).astype('f')


def write_hdf5(file, arrays, **options):
    """Weights as Caffe lays them out."""
    with h5py.File(file, 'w') as h5:
        h5.create_group('data')
        for name, blobs in arrays.items():
            group = h5['data'].create_group(name)
            for i, blob in enumerate(blobs):
                group.create_dataset(str(i), data=blob, **(options if np.size(blob) > 1 else {}))
    return file


@pytest.mark.parametrize('options', [{}, {'compression': 'gzip'}])
@pytest.mark.parametrize('dtype', ['f4', 'f8', 'f2'])
def test_weights_in_hdf5(tmp_path, options, dtype):
    arrays = {'conv1': [X.astype(dtype), np.array([1, 2], dtype)], 'inception/1x1': [np.array(0.5, dtype)],
              'relu': [], 'many': [np.full(1, i, dtype) for i in range(12)]}
    path = write_hdf5(tmp_path / 'net.caffemodel.h5', arrays, **options)
    with path.open('rb') as stream:
        for blobs in caffe.read_weights(path), caffe.read_weights(str(path)), caffe.read_weights(stream):
            assert set(blobs) == {'conv1', 'inception/1x1', 'many'}
            for name, found in blobs.items():
                for blob, expected in zip(found, arrays[name], strict=True):
                    assert blob.dtype == np.float32 and blob.shape == expected.shape
                    np.testing.assert_array_equal(blob, expected)


def test_a_network_with_weights_in_hdf5(tmp_path):
    text = b'''input: "x" layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
        inner_product_param { num_output: 2 } }'''
    path = write_hdf5(tmp_path / 'net.caffemodel.h5', {'fc': [X, np.array([1, 2], 'f')]})
    net = caffe.load(io.BytesIO(text), path)
    np.testing.assert_allclose(net(X).array, X @ X.T + [1, 2], rtol=1e-5)
    with pytest.raises(ValueError, match=r'read_caffemodel: .*: expected a binary file of Caffe, found an HDF5 file, '
                                         'which has weights without a network: see read_weights'):
        caffe.CaffeFunction(path)


def test_what_is_wrong_with_hdf5(tmp_path):
    path = tmp_path / 'net.caffemodel.h5'
    with h5py.File(path, 'w') as h5:
        h5['other'] = X
    with pytest.raises(ValueError, match=rf"read_weights: {path}: expected weights of Caffe, found no group 'data'"):
        caffe.read_weights(path)
    with h5py.File(path, 'w') as h5:
        h5['data/fc/0'], h5['data/fc/2'] = X, X
    with pytest.raises(ValueError, match="expected blobs 0 to 1 of layer 'fc', found 0, 2"):
        caffe.read_weights(path)
    with h5py.File(path, 'w') as h5:
        h5['data/fc/0'] = np.arange(3)
    with pytest.raises(ValueError, match='expected floating-point numbers in /data/fc/0, found int64'):
        caffe.read_weights(path)
    with h5py.File(path, 'w') as h5:
        h5.create_dataset('data/fc/0', (1 << 40,), 'f4', chunks=(1024,))
    with pytest.raises(ValueError, match=r'is damaged: /data/fc/0 of shape \(1099511627776,\) has 0 bytes'):
        caffe.read_weights(path)
    write_hdf5(path, {'fc': [np.zeros(1000, 'f')]})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match='is damaged: '):
        caffe.read_weights(path)
    with pytest.raises(FileNotFoundError):
        caffe.read_weights(tmp_path / 'other.h5')


def test_without_h5py(tmp_path, monkeypatch):
    path = write_hdf5(tmp_path / 'net.caffemodel.h5', {'fc': [X]})
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(ImportError, match=r"pip install 'autograd_nn\[hdf5\]'"):
        caffe.read_weights(path)
