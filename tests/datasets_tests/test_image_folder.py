"""Pictures in a folder for each class."""
import os
import sys

import numpy as np
import pytest

from autograd_nn.datasets import ImageFolderDataset
from support.pictures import GREY, RGB, damaged, save


@pytest.fixture
def folder(tmp_path):
    """Two classes, with files that are no images, and names in various cases."""
    for name in ('dog/b.png', 'dog/a.PNG', 'cat/deep/er/c.png'):
        save(tmp_path / name, np.full((4, 6, 3), len(name), np.uint8))
    (tmp_path / 'empty').mkdir()
    save(tmp_path / '.hidden' / 'd.png', RGB)
    save(tmp_path / 'dog' / '.e.png', RGB)
    save(tmp_path / 'loose.png', RGB)
    (tmp_path / 'dog' / 'notes.txt').write_text('no image')
    return tmp_path


def test_folder(folder):
    dataset = ImageFolderDataset(folder)
    assert dataset.labels == ['cat', 'dog']
    assert [str(path.relative_to(folder)) for path in dataset.paths] == ['cat/deep/er/c.png', 'dog/a.PNG', 'dog/b.png']
    assert [int(label) for _, label in dataset] == [0, 1, 1]
    image, label = dataset[0]
    assert (image.shape, image.dtype, label.dtype, label.shape) == ((3, 4, 6), np.float32, np.int32, ())
    np.testing.assert_allclose(image, len('cat/deep/er/c.png') / 255, rtol=1e-6)
    image, label = ImageFolderDataset(str(folder), size=(3, 5), color=False, scale=255., dtype=np.float64,
                                      label_dtype=np.int64)[2]
    assert (image.shape, image.dtype, label.dtype) == ((1, 3, 5), np.float64, np.int64)
    np.testing.assert_allclose(image, len('dog/b.png'))


def test_folder_with_damaged_images(folder, caplog):
    paths = list(damaged(folder / 'dog'))
    dataset = ImageFolderDataset(folder)
    assert len(dataset) == 6
    with pytest.raises(OSError, match=f'cannot read the image {paths[0]}'):
        dataset[dataset.paths.index(paths[0])]
    assert 'cannot read' not in caplog.text
    dataset = ImageFolderDataset(folder, on_error='skip')
    assert len(dataset) == len(list(dataset)) == 3
    assert [record.message.split(': ')[1].rsplit(' ')[-1] for record in caplog.records
            if 'cannot read' in record.message] == [str(path) for path in sorted(paths)]


def test_many_damaged_images_are_counted(tmp_path, caplog):
    save(tmp_path / 'cat' / 'good.png', RGB)
    for i in range(25):
        (tmp_path / 'cat' / f'{i:02}.jpg').write_bytes(b'')
    assert len(ImageFolderDataset(tmp_path, on_error='skip')) == 1
    assert '19.jpg' in caplog.text and '20.jpg' not in caplog.text and '5 more that cannot be read' in caplog.text


def test_what_is_left_out_is_counted_by_class(folder, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pillow_heif', None)
    for name in 'cat/a.heic', 'dog/b.HEIC', 'dog/c.heic', 'dog/no_ending', 'fish/d.heic', 'README.md':
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b'x')
    assert ImageFolderDataset(folder).labels == ['cat', 'dog']
    loose, others, empty = [record.message.removeprefix(f'{folder}: ') for record in caplog.records]
    assert loose == 'pictures that lie in no directory of a class are left out: 1'
    assert others == ('files that cannot be read here as pictures are left out: 1 without ending (dog 1), '
                      "4 .heic (cat 1, dog 2, fish 1; they need pip install 'autograd_nn[heif]'), 1 .txt (dog 1)")
    assert empty == 'directories without a picture that can be read are no classes: empty, fish'


def test_what_systems_leave_is_no_picture_of_anybody(tmp_path, caplog):
    for name in 'cat/a.jpg', 'cat/b.JPG', 'dog/c.png':
        save(tmp_path / name, RGB)
    for name in ('cat/._a.jpg', 'cat/.DS_Store', 'cat/Thumbs.db', 'cat/@eaDir/a.jpg', '__MACOSX/cat/._a.jpg',
                 'cat/desktop.ini'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b'x')
    assert [path.name for path in ImageFolderDataset(tmp_path, on_error='skip').paths] == ['a.jpg', 'b.JPG', 'c.png']
    assert not caplog.records


def test_links_are_followed(tmp_path, caplog):
    save(tmp_path / 'here' / 'cat' / 'a.png', RGB)
    save(tmp_path / 'there' / 'deep' / 'b.png', GREY)
    (tmp_path / 'here' / 'dog').symlink_to(tmp_path / 'there')
    (tmp_path / 'here' / 'cat' / 'more').symlink_to(tmp_path / 'there' / 'deep')
    (tmp_path / 'here' / 'cat' / 'up').symlink_to(tmp_path / 'here')
    (tmp_path / 'here' / 'cat' / 'broken.png').symlink_to(tmp_path / 'nothing')
    (tmp_path / 'link').symlink_to(tmp_path / 'here')
    dataset = ImageFolderDataset(tmp_path / 'link', on_error='skip')
    assert [str(path.relative_to(tmp_path / 'link')) for path in dataset.paths] == [
        'cat/a.png', 'cat/more/b.png', 'dog/deep/b.png']
    assert [int(dataset.get_label(i)) for i in range(3)] == [0, 0, 1]
    assert len(caplog.records) == 1 and 'broken.png' in caplog.text


def test_names_that_are_no_utf8_are_escaped(tmp_path):
    try:
        save(tmp_path / os.fsdecode(b'caf\xe9') / 'a.png', RGB)
    except OSError:
        pytest.skip('this system has no such names')
    dataset = ImageFolderDataset(tmp_path)
    assert dataset.labels == ['caf' + r'\udce9'] and dataset[0][0].shape == (3, 4, 6)


def test_directories_of_directories_are_no_classes(tmp_path):
    for name in 'pets/cat/a.png', 'pets/dog/b.png', 'more/cat/c.png':
        save(tmp_path / name, RGB)
    expected = (r'the directories in .* hold only directories: found .*more.cat.c\.png; expected a directory for each '
                r'class.*\n.*cat.1\.jpg\n(.*\n)*.*\(or is .*more what')
    with pytest.raises(ValueError, match=expected):
        ImageFolderDataset(tmp_path)
    assert ImageFolderDataset(tmp_path / 'pets').labels == ['cat', 'dog']
    save(tmp_path / 'more' / 'd.png', RGB)
    assert ImageFolderDataset(tmp_path).labels == ['more', 'pets']


def test_folder_without_images(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r'there is no directory .*nowhere'):
        ImageFolderDataset(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match=r'no images in .*empty that can be read; expected .*\n .*cat.1\.jpg'):
        ImageFolderDataset(folder / 'empty')
    with pytest.raises(ValueError, match=r'no images in .*deep'):
        ImageFolderDataset(folder / 'cat' / 'deep' / 'er')
    with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip', got 'ignore'"):
        ImageFolderDataset(folder, on_error='ignore')
    list(damaged(tmp_path / 'empty'))
    (tmp_path / 'all' / 'one').mkdir(parents=True)
    list(damaged(tmp_path / 'all' / 'one'))
    with pytest.raises(ValueError, match=r'no images in .*all'):
        ImageFolderDataset(tmp_path / 'all', on_error='skip')
