import dataclasses
import hashlib
import io
import tarfile

import numpy as np
import pytest

from autograd_nn import datasets
from autograd_nn.datasets import cifar


def archive(path, members):
    with tarfile.open(path, 'w:gz') as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def records(count, label_bytes, seed):
    return np.random.RandomState(seed).randint(0, 256, (count, label_bytes + 3072), np.uint8)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Archives of a few random images in the places of CIFAR's."""
    monkeypatch.setenv('AUTOGRAD_NN_DATASET_ROOT', str(tmp_path))
    (tmp_path / 'cifar').mkdir()

    def make(table, members):
        file = getattr(cifar, table)
        path = tmp_path / 'cifar' / file.name
        archive(path, {name: content.tobytes() for name, content in members.items()})
        checksum = 'md5:' + hashlib.md5(path.read_bytes()).hexdigest()
        monkeypatch.setattr(cifar, table, dataclasses.replace(file, checksum=checksum, urls=()))

    return make


def test_cifar10(small):
    parts = [records(2, 1, seed) for seed in range(6)]
    names = [f'cifar-10-batches-bin/data_batch_{i}.bin' for i in range(1, 6)] + ['cifar-10-batches-bin/test_batch.bin']
    small('_CIFAR10', dict(zip(names, parts)))
    train, test = datasets.get_cifar10()
    assert (len(train), len(test)) == (10, 2)
    everything = np.concatenate(parts)
    for (image, label), record in zip(train[:] + test[:], everything):
        assert image.shape == (3, 32, 32) and image.dtype == np.float32 and label.dtype == np.int32
        assert label == record[0]
        np.testing.assert_allclose(image.ravel(), record[1:] / 255, rtol=1e-6)


def test_cifar100(small):
    parts = records(3, 2, 0), records(2, 2, 1)
    small('_CIFAR100', {'cifar-100-binary/train.bin': parts[0], 'cifar-100-binary/test.bin': parts[1]})
    train, test = datasets.get_cifar100(ndim=1, scale=255., dtype=np.float64)
    for dataset, part in zip((train, test), parts):
        for (image, label), record in zip(dataset, part):
            assert label == record[1]
            np.testing.assert_allclose(image, record[2:])
    images, _ = datasets.get_cifar100(withlabel=False)
    assert images.shape == (3, 3, 32, 32)


def test_errors(tmp_path, small):
    with pytest.raises(ValueError, match='get_cifar10: ndim must be 1 or 3, got 2'):
        datasets.get_cifar10(ndim=2)
    archive(tmp_path / 'x.tar.gz', {'whole.bin': bytes(3073), 'cut.bin': bytes(3000)})
    with pytest.raises(ValueError, match=r'x\.tar\.gz: the archive has no file other\.bin'):
        cifar.read_cifar(tmp_path / 'x.tar.gz', ['other.bin'], 1)
    with pytest.raises(ValueError, match=r'cut\.bin has 3000 bytes, no multiple of 3073'):
        cifar.read_cifar(tmp_path / 'x.tar.gz', ['whole.bin', 'cut.bin'], 1)
    for file in (cifar._CIFAR10, cifar._CIFAR100):
        assert len(file.urls) >= 2 and all(url.endswith(file.name) for url in file.urls)
