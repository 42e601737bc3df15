"""Data sets that are downloaded: small files of the same formats are in their places here."""
import dataclasses
import gzip
import hashlib
import struct
import sys

import numpy as np
import pytest

from autograd_nn import datasets
from autograd_nn.datasets import kuzushiji_mnist, ptb, svhn


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv('AUTOGRAD_NN_DATASET_ROOT', str(tmp_path))
    return tmp_path


def put(folder, file, content):
    """Writes a file, and returns what describes it, with its checksum and no address."""
    folder.mkdir(exist_ok=True)
    (folder / file.name).write_bytes(content)
    return dataclasses.replace(file, checksum=f'md5:{hashlib.md5(content).hexdigest()}', urls=())


def idx(array):
    return gzip.compress(b'\0\0\x08' + bytes([array.ndim]) + struct.pack(f'>{array.ndim}I', *array.shape)
                         + array.tobytes())


def test_kuzushiji_mnist(root, monkeypatch):
    r = np.random.RandomState(0)
    arrays = [r.randint(0, 256, (5, 28, 28), np.uint8), r.randint(0, 10, 5, np.uint8),
              r.randint(0, 256, (3, 28, 28), np.uint8), r.randint(0, 10, 3, np.uint8)]
    monkeypatch.setattr(kuzushiji_mnist, '_KUZUSHIJI_MNIST', [
        put(root / 'kuzushiji-mnist', file, idx(array))
        for file, array in zip(kuzushiji_mnist._KUZUSHIJI_MNIST, arrays)])
    train, test = datasets.get_kuzushiji_mnist(ndim=3, scale=255., label_dtype=np.int8)
    for dataset, images, labels in (train, *arrays[:2]), (test, *arrays[2:]):
        x, t = dataset[list(range(len(dataset)))]
        np.testing.assert_allclose(x, images[:, None], rtol=1e-6)
        np.testing.assert_array_equal(t, labels)
        assert (x.dtype, t.dtype) == (np.float32, np.int8)
    assert datasets.get_kuzushiji_mnist(withlabel=False)[1].shape == (3, 784)
    with pytest.raises(ValueError, match='get_kuzushiji_mnist: ndim must be 1, 2 or 3, got 4'):
        datasets.get_kuzushiji_mnist(ndim=4)


def test_names_of_kuzushiji_mnist():
    assert datasets.get_kuzushiji_mnist_labels() == [
        ('o', '\u304a'), ('ki', '\u304d'), ('su', '\u3059'), ('tsu', '\u3064'), ('na', '\u306a'), ('ha', '\u306f'),
        ('ma', '\u307e'), ('ya', '\u3084'), ('re', '\u308c'), ('wo', '\u3092')]


def test_ptb(root, monkeypatch):
    texts = [' no it was n\'t <unk> \n it was \n', ' was it N \n', ' it \n'.replace(' ', '')]
    texts[1] = ' was it <unk> \n'
    files = [put(root / 'ptb', file, text.encode()) for file, text in zip(ptb._FILES, texts)]
    monkeypatch.setattr(ptb, '_FILES', files)
    vocabulary = datasets.get_ptb_words_vocabulary()
    assert vocabulary == {'no': 0, 'it': 1, 'was': 2, "n't": 3, '<unk>': 4, '<eos>': 5}
    parts = datasets.get_ptb_words()
    assert [part.tolist() for part in parts] == [[0, 1, 2, 3, 4, 5, 1, 2, 5], [2, 1, 4, 5], [1, 5]]
    assert {part.dtype for part in parts} == {np.dtype(np.int32)}
    files[2] = put(root / 'ptb', files[2], b' other \n')
    with pytest.raises(ValueError, match=r"ptb\.test\.txt has the word 'other', which is not in the training set"):
        datasets.get_ptb_words()


def matlab_file(images, labels):
    import io
    scipy_io = pytest.importorskip('scipy.io')
    file = io.BytesIO()
    scipy_io.savemat(file, {'X': images, 'y': labels})
    return file.getvalue()


def test_svhn(root, monkeypatch):
    r = np.random.RandomState(0)
    arrays = {split: (r.randint(0, 256, (32, 32, 3, n), np.uint8), r.randint(1, 11, (n, 1), np.uint8))
              for split, n in (('train', 6), ('test', 4), ('extra', 5))}
    arrays['train'][1][0] = 10
    monkeypatch.setattr(svhn, '_FILES', {split: put(root / 'svhn', file, matlab_file(*arrays[split]))
                                         for split, file in svhn._FILES.items()})
    assert len(datasets.get_svhn()) == 2
    everything = datasets.get_svhn(scale=255., add_extra=True)
    for dataset, (images, labels) in zip(everything, arrays.values()):
        x, t = dataset[list(range(len(dataset)))]
        np.testing.assert_allclose(x, images.transpose(3, 2, 0, 1), rtol=1e-6)
        np.testing.assert_array_equal(t, labels.ravel() % 10)
        assert (x.dtype, t.dtype) == (np.float32, np.int32)
    assert everything[0][0][1] == 0
    assert [x.shape for x in datasets.get_svhn(withlabel=False)] == [(6, 3, 32, 32), (4, 3, 32, 32)]


def test_no_file_of_svhn(tmp_path):
    pytest.importorskip('scipy')
    path = tmp_path / 'x.mat'
    for content in (b'nothing of that kind' * 20, matlab_file(np.zeros((32, 32, 3, 2)), np.zeros(3)),
                    matlab_file(np.zeros((32, 32)), np.zeros(3))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'x\.mat: expected images'):
            svhn.read_svhn(path)


def test_svhn_without_scipy(root, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.io', None)
    with pytest.raises(ImportError, match='get_svhn: SciPy reads the files: pip install scipy'):
        datasets.get_svhn()


def test_where_the_files_come_from():
    for file in (*kuzushiji_mnist._KUZUSHIJI_MNIST, *ptb._FILES, *svhn._FILES.values()):
        assert file.urls and all(url.endswith(file.name) for url in file.urls) and len(file.checksum) == 36
