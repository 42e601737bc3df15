import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from autograd_nn import datasets
from autograd_nn.config import using_config
from autograd_nn.datasets import mnist

SHARED = Path(__file__).parents[3] / 'shared' / 'data'
needs_mnist = pytest.mark.skipif(not (SHARED / 'mnist').is_dir(), reason='the files of MNIST are not there')


def idx(array):
    return struct.pack(f'>BBBB{array.ndim}I', 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(params=['get_mnist', 'get_fashion_mnist'])
def small(request, tmp_path, monkeypatch):
    """One of the functions, its data replaced with a few random images."""
    directory, table = {'get_mnist': ('mnist', '_MNIST'), 'get_fashion_mnist': ('fashion-mnist', '_FASHION_MNIST')}[
        request.param]
    monkeypatch.setenv('AUTOGRAD_NN_DATASET_ROOT', str(tmp_path))
    (tmp_path / directory).mkdir()
    random = np.random.RandomState(0)
    arrays = [random.randint(0, 256, (5, 28, 28), np.uint8), random.randint(0, 10, 5, np.uint8),
              random.randint(0, 256, (3, 28, 28), np.uint8), random.randint(0, 10, 3, np.uint8)]
    checksums = []
    for name, array in zip(mnist._PARTS, arrays):
        (tmp_path / directory / name).write_bytes(gzip.compress(idx(array)))
        checksums.append('md5:' + hashlib.md5(idx(array)).hexdigest())
    monkeypatch.setattr(mnist, table, mnist.remote_parts((), tuple(checksums)))
    return getattr(datasets, request.param), arrays, tmp_path / directory


@pytest.mark.parametrize('ndim, shape', [(1, (784,)), (2, (28, 28)), (3, (1, 28, 28))])
def test_options(small, ndim, shape):
    get, arrays, _ = small
    for dataset, images, labels in zip(get(ndim=ndim, scale=2., dtype=np.float64, label_dtype=np.int8), arrays[::2],
                                       arrays[1::2]):
        assert len(dataset) == len(images)
        for i, (image, label) in enumerate(dataset):
            assert image.shape == shape and image.dtype == np.float64
            np.testing.assert_allclose(image.reshape(28, 28), images[i] * 2. / 255)
            assert label == labels[i] and label.dtype == np.int8


def test_defaults(small):
    get, arrays, _ = small
    train, test = get()
    image, label = train[0]
    assert (image.shape, image.dtype, label.dtype, len(test)) == ((784,), np.float32, np.int32, 3)
    np.testing.assert_allclose(image, arrays[0][0].ravel() / 255, rtol=1e-6)
    assert image.max() <= 1
    with using_config('dtype', np.dtype(np.float16)):
        assert get()[0][0][0].dtype == np.float16
    images, _ = get(withlabel=False, ndim=3, rgb_format=True)
    assert isinstance(images, np.ndarray) and images.shape == (5, 3, 28, 28)
    assert (images == images[:, :1]).all()


def test_wrong_options(small):
    get, _, _ = small
    with pytest.raises(ValueError, match=f'{get.__name__}: ndim must be 1, 2 or 3, got 4'):
        get(ndim=4)
    with pytest.raises(ValueError, match='rgb_format needs ndim=3'):
        get(rgb_format=True)


def test_a_missing_file_is_named_with_its_place(small):
    get, _, directory = small
    (directory / mnist._PARTS[3]).unlink()
    with pytest.raises(OSError, match=r't10k-labels-idx1-ubyte\.gz') as caught:
        get()
    assert str(directory) in str(caught.value) and mnist._PARTS[0] not in str(caught.value)


@pytest.mark.parametrize('content', [
    b'', b'\0\0\x0d\x01\0\0\0\0', b'\0\0\x08\x02\0\0\0\1', b'\0\0\x08\x01\0\0\0\5abcd'])
def test_wrong_idx_files(tmp_path, content):
    (tmp_path / 'file.gz').write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=r'file\.gz'):
        mnist.read_idx(tmp_path / 'file.gz')


def test_idx_of_any_shape(tmp_path):
    for shape in [(), (0,), (3,), (2, 3, 4)]:
        array = np.arange(np.prod(shape, dtype=int), dtype=np.uint8).reshape(shape)
        (tmp_path / 'file.gz').write_bytes(gzip.compress(idx(array)))
        np.testing.assert_array_equal(mnist.read_idx(tmp_path / 'file.gz'), array)


def test_mirrors_and_checksums_of_the_real_files():
    for files in (mnist._MNIST, mnist._FASHION_MNIST):
        assert [file.name for file in files] == list(mnist._PARTS)
        for file in files:
            algorithm, digest = file.checksum.split(':')
            assert len(digest) == {'md5': 32, 'sha256': 64}[algorithm]
            assert len(file.urls) >= 2 and all(url.endswith(f'/{file.name}') for url in file.urls)
    assert len(datasets.get_fashion_mnist_labels()) == 10


@needs_mnist
def test_mnist_itself(monkeypatch):
    monkeypatch.setenv('AUTOGRAD_NN_DATASET_ROOT', str(SHARED))
    train, test = datasets.get_mnist(ndim=3)
    assert (len(train), len(test)) == (60000, 10000)
    assert [int(label) for _, label in train[:10]] == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert [int(label) for _, label in test[:5]] == [7, 2, 1, 0, 4]
    assert train[0][0].shape == (1, 28, 28) and train[0][0].max() == 1


def test_digits():
    train, test = datasets.get_digits(ndim=3)
    for dataset, count in ((train, 1000), (test, 200)):
        images, labels = dataset[:].gather()
        assert images.shape == (10 * count, 1, 28, 28) and images.dtype == np.float32
        assert np.bincount(labels).tolist() == [count] * 10
        assert images.min() == 0 and images.max() == 1 and 0.1 < images.mean() < 0.16
        # shuffled: no stretch lacks a digit
        assert all(len(set(labels[i:i + 100])) == 10 for i in range(0, len(labels), 100))
        assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)


def test_digits_have_the_options_of_mnist():
    images, _ = datasets.get_digits(withlabel=False)
    assert images.shape == (10000, 784)
    rgb, _ = datasets.get_digits(withlabel=False, ndim=3, rgb_format=True, scale=255., dtype=np.float64)
    np.testing.assert_allclose(rgb[:, 2].reshape(10000, 784) / 255, images, rtol=1e-6)
    with pytest.raises(ValueError, match='get_digits: ndim'):
        datasets.get_digits(ndim=0)


def test_the_file_of_digits_is_small():
    assert mnist._DIGITS.stat().st_size < 2e6


@needs_mnist
def test_digits_can_be_built_again(tmp_path):
    mnist.build_digits(SHARED / 'mnist', tmp_path / 'digits.npz')
    with np.load(tmp_path / 'digits.npz') as built, np.load(mnist._DIGITS) as shipped:
        assert built.files == shipped.files
        for name in built.files:
            assert built[name].dtype == np.uint8
            np.testing.assert_array_equal(built[name], shipped[name])
