import io
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image

from autograd_nn.datasets import LabeledZippedImageDataset, MultiZippedImageDataset, ZippedImageDataset
from autograd_nn.iterators import MultiprocessIterator


def png(value, mode='RGB'):
    file = io.BytesIO()
    Image.fromarray(np.full((2, 3, 3) if mode == 'RGB' else (2, 3), value, np.uint8)).save(file, 'PNG')
    return file.getvalue()


def write(path, members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / 'a.zip', {'folder/': b'', 'folder/1.png': png(1), '2.png': png(2, 'L'), '3.png': png(3)})


def test_images(archive):
    dataset = ZippedImageDataset(archive)
    assert len(dataset) == 3
    assert [(image.shape, image.dtype, image.max()) for image in dataset[:]] == [
        ((3, 2, 3), np.float32, 1), ((1, 2, 3), np.float32, 2), ((3, 2, 3), np.float32, 3)]
    assert dataset[-1].max() == 3 and ZippedImageDataset(str(archive), np.uint8)[0].dtype == np.uint8
    assert dataset.get_example('2.png').max() == 2


def test_several_archives(tmp_path, archive):
    other = write(tmp_path / 'b.zip', {f'{i}.png': png(i) for i in range(10, 14)})
    dataset = MultiZippedImageDataset([archive, other, archive], np.int32)
    assert [int(image.max()) for image in dataset] == [1, 2, 3, 10, 11, 12, 13, 1, 2, 3]
    assert dataset[0].dtype == np.int32


def test_labels(tmp_path, archive):
    labels = tmp_path / 'labels.txt'
    labels.write_text('3.png 7\nfolder/1.png 0\n\n')
    dataset = LabeledZippedImageDataset(archive, labels, np.float64, np.int8)
    assert len(dataset) == 2
    (image, label), (_, other) = dataset[:]
    assert (image.max(), image.dtype, label, label.dtype, label.shape, other) == (3, np.float64, 7, np.int8, (), 0)
    labels.write_text('3.png seven\n')
    with pytest.raises(ValueError, match=r'LabeledZippedImageDataset: line 1 of .*labels\.txt: expected a path and an'):
        LabeledZippedImageDataset(archive, labels)
    labels.write_text('4.png 7\n')
    with pytest.raises(KeyError, match=r"a\.zip has no file '4\.png'"):
        LabeledZippedImageDataset(archive, labels)[0]


def test_copies_and_processes(archive):
    dataset = ZippedImageDataset(archive)
    assert pickle.loads(pickle.dumps(dataset))[2].max() == 3
    with MultiprocessIterator(dataset, 12, shuffle=False, n_processes=4) as batches:
        assert [int(image.max()) for image in next(batches)] == [1, 2, 3] * 4
    assert dataset[1].max() == 2


def test_heif(tmp_path):
    pillow_heif = pytest.importorskip('pillow_heif')
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    Image.new('RGB', (8, 4), (9, 9, 9)).save(file, 'HEIF')
    assert ZippedImageDataset(write(tmp_path / 'a.zip', {'a.jpg': file.getvalue()}))[0].shape == (3, 4, 8)


def test_damaged_archives(tmp_path, archive):
    path = tmp_path / 'b.zip'
    path.write_bytes(b'nothing')
    with pytest.raises(ValueError, match=r'ZippedImageDataset: .*b\.zip is no zip archive, or damaged'):
        ZippedImageDataset(path)
    with pytest.raises(FileNotFoundError):
        ZippedImageDataset(tmp_path / 'c.zip')
    dataset = ZippedImageDataset(write(path, {'no.png': b'no picture'}))
    with pytest.raises(OSError, match=r'cannot read the image .*b\.zip/no\.png: no format that Pillow knows'):
        dataset[0]
    content = bytearray(archive.read_bytes())
    start = content.index(b'folder/1.png') + len('folder/1.png')
    content[start:start + 20] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(OSError, match=r'cannot read the image .*b\.zip/folder/1\.png: '):
        ZippedImageDataset(path)[0]
