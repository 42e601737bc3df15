import io

import numpy as np
import pytest
from PIL import Image

from autograd_nn.config import using_config
from autograd_nn.datasets import ImageDataset, ImageFolderDataset, LabeledImageDataset, read_image

RGB = np.random.RandomState(0).randint(0, 256, (4, 6, 3), np.uint8)
GREY = RGB[..., 0]


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


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


def test_channels_come_first(tmp_path):
    image = read_image(save(tmp_path / 'x.png', RGB))
    assert image.dtype == np.float32 and image.flags.c_contiguous
    np.testing.assert_array_equal(image, RGB.transpose(2, 0, 1))
    np.testing.assert_array_equal(read_image(save(tmp_path / 'y.png', GREY)), GREY[None])
    with using_config('dtype', np.dtype(np.float64)):
        assert read_image(tmp_path / 'x.png').dtype == np.float64
    assert read_image(str(tmp_path / 'x.png'), dtype=np.uint8).dtype == np.uint8


def test_modes(tmp_path):
    save(tmp_path / 'grey.png', GREY)
    np.testing.assert_array_equal(read_image(tmp_path / 'grey.png', color=True), np.stack([GREY] * 3))
    save(tmp_path / 'rgb.png', RGB)
    np.testing.assert_allclose(read_image(tmp_path / 'rgb.png', color=False)[0],
                               RGB @ [0.299, 0.587, 0.114], atol=1)
    Image.fromarray(RGB).quantize(256).save(tmp_path / 'palette.png')
    np.testing.assert_allclose(read_image(tmp_path / 'palette.png'), RGB.transpose(2, 0, 1), atol=8)
    Image.fromarray(GREY > 100).save(tmp_path / 'bits.png')
    np.testing.assert_array_equal(read_image(tmp_path / 'bits.png')[0], np.where(GREY > 100, 255, 0))
    save(tmp_path / 'alpha.png', np.dstack([RGB, GREY]))
    assert read_image(tmp_path / 'alpha.png').shape == (4, 4, 6)
    assert read_image(tmp_path / 'alpha.png', color=True).shape == (3, 4, 6)
    save(tmp_path / 'deep.png', GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(tmp_path / 'deep.png', color=False)[0], GREY)
    assert read_image(tmp_path / 'deep.png').max() == GREY.max() * 257.


@pytest.mark.parametrize('orientation, expected', [
    (1, GREY), (3, GREY[::-1, ::-1]), (6, np.rot90(GREY, -1)), (8, np.rot90(GREY))])
def test_orientation(tmp_path, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / 'x.png', GREY, exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / 'x.png')[0], expected)


def test_size_covers_and_cuts(tmp_path):
    picture = np.zeros((40, 60), np.uint8)
    picture[:, 5:55] = 200
    save(tmp_path / 'x.png', picture)
    square = read_image(tmp_path / 'x.png', size=20)
    assert square.shape == (1, 20, 20) and (square == 200).all()
    assert read_image(tmp_path / 'x.png', color=True, size=(10, 30)).shape == (3, 10, 30)


def damaged(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (60, 60, 3), np.uint8)).save(stream, 'jpeg')
    content = stream.getvalue()
    for name, data in (('cut.jpg', content[:len(content) // 2]), ('empty.jpg', b''), ('text.jpg', b'no image at all')):
        (tmp_path / name).write_bytes(data)
        yield tmp_path / name


def test_damaged_files_are_named(tmp_path):
    for path in damaged(tmp_path):
        with pytest.raises(OSError, match=f'cannot read the image {path}: '):
            read_image(path)
    with pytest.raises(FileNotFoundError, match=r'none\.png'):
        read_image(tmp_path / 'none.png')


def test_image_dataset(tmp_path):
    save(tmp_path / 'a.png', RGB)
    save(tmp_path / 'b.png', GREY)
    (tmp_path / 'list.txt').write_text('a.png\nb.png\n')
    for dataset in (ImageDataset(['a.png', 'b.png'], tmp_path), ImageDataset(str(tmp_path / 'list.txt'), tmp_path)):
        assert len(dataset) == 2
        np.testing.assert_array_equal(dataset[0], RGB.transpose(2, 0, 1))
        assert dataset[1].shape == (1, 4, 6) and dataset[1].dtype == np.float32
    assert ImageDataset([tmp_path / 'a.png'], dtype=np.int32)[0].dtype == np.int32


def test_labeled_image_dataset(tmp_path):
    save(tmp_path / 'a.png', RGB)
    save(tmp_path / 'b b.png', GREY)
    (tmp_path / 'list.txt').write_text('a.png 3\n\nb b.png\t-1\n')
    for pairs in ([('a.png', 3), ('b b.png', -1)], tmp_path / 'list.txt'):
        dataset = LabeledImageDataset(pairs, tmp_path)
        assert len(dataset) == 2
        image, label = dataset[0]
        np.testing.assert_array_equal(image, RGB.transpose(2, 0, 1))
        assert (label, label.dtype, label.shape) == (3, np.int32, ())
        assert dataset[1][1] == -1
    assert LabeledImageDataset([('a.png', 3)], tmp_path, np.float64, np.int8)[0][1].dtype == np.int8
    (tmp_path / 'wrong.txt').write_text('a.png 1\nb.png x\n')
    with pytest.raises(ValueError, match=r"line 2 of .*wrong\.txt.*got 'b\.png x'"):
        LabeledImageDataset(tmp_path / 'wrong.txt')


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
    assert not caplog.records
    dataset = ImageFolderDataset(folder, on_error='skip')
    assert len(dataset) == len(list(dataset)) == 3
    assert [record.message.split(': ')[1].rsplit(' ')[-1] for record in caplog.records] == [
        str(path) for path in sorted(paths)]


def test_folder_without_images(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r'there is no directory .*nowhere'):
        ImageFolderDataset(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match=r'no images in .*empty; expected files like .*class-name.picture\.jpg'):
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
