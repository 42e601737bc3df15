"""Pictures as arrays: all kinds of files, and pictures that Pillow has opened."""
import sys

import numpy as np
import pytest
from PIL import Image

from autograd_nn.config import using_config
from autograd_nn.datasets import read_image
from autograd_nn.datasets.read_image import image_suffixes
from support.pictures import GREY, RGB, damaged, save


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
    Image.fromarray(RGB).convert('LAB').save(tmp_path / 'lab.tif')
    assert read_image(tmp_path / 'lab.tif', color=False).shape == (1, 4, 6)


@pytest.mark.parametrize('suffix, array', [
    ('png', GREY.astype(np.uint16) * 257), ('tif', GREY.astype('<u2') * 257), ('tif', GREY.astype('>u2') * 257),
    ('pgm', GREY.astype(np.int32) * 257), ('tif', GREY.astype(np.int32) * 257), ('tif', GREY.astype(np.int32)),
    ('tif', GREY.astype(np.int32) * 8421504), ('tif', GREY / np.float32(255)), ('tif', GREY.astype(np.float32)),
    ('tif', GREY * np.float32(257))])
def test_numbers_of_many_bits_become_bytes(suffix, array, tmp_path):
    path = save(tmp_path / f'x.{suffix}', array)
    for picture in path, Image.open(path):
        np.testing.assert_allclose(read_image(picture, color=False)[0], GREY, atol=0.6)
        np.testing.assert_allclose(read_image(picture, color=True), [GREY] * 3, atol=0.6)
        np.testing.assert_array_equal(read_image(picture)[0], array.astype(np.float32))


def test_dark_pictures_of_16_bits_stay_dark(tmp_path):
    dark = (GREY // 2).astype(np.uint16)
    for path in save(tmp_path / 'x.png', dark), save(tmp_path / 'x.pgm', dark.astype(np.int32)):
        assert read_image(path, color=False).max() <= 1, path


@pytest.mark.parametrize('array', [np.float32([[np.nan, 1]]), np.float32([[-1, 1]]), np.float32([[0, np.inf]])])
def test_numbers_that_are_no_brightness(array, tmp_path):
    with pytest.raises(OSError, match=r'cannot read the image .*x\.tif: its pixels go from '):
        read_image(save(tmp_path / 'x.tif', array), color=True)


def in_all_kinds(folder):
    """Writes files of as many kinds as there are, turned by a camera where a format can say so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(RGB)
    for name, mode in (('rgb.jpg', 'RGB'), ('cmyk.jpg', 'CMYK'), ('grey.png', 'L'), ('alpha.png', 'LA'),
                       ('bits.png', '1'), ('rgba.png', 'RGBA'), ('rgba.webp', 'RGBA'), ('a.bmp', 'RGB')):
        picture.convert(mode).save(folder / name, exif=exif)
    palette = picture.quantize(16)
    palette.save(folder / 'palette.png', transparency=3)
    palette.save(folder / 'a.gif', save_all=True, append_images=[Image.new('RGB', (6, 4), 'red')])
    picture.save(folder / 'pages.tif', save_all=True, append_images=[Image.new('RGB', (6, 4), 'red')])
    save(folder / '16.png', GREY.astype(np.uint16) * 257, exif=exif)
    save(folder / 'hole.png', GREY.astype(np.uint16) * 257, transparency=int(GREY[0, 0]) * 257)
    save(folder / 'int.tif', GREY.astype(np.int32))
    return sorted(folder.iterdir())


def test_a_picture_that_pillow_has_opened_is_read_like_its_file(tmp_path):
    for path in in_all_kinds(tmp_path):
        for color in None, True, False:
            with Image.open(path) as opened:
                before = opened.mode, opened.size, dict(opened.getexif())
                np.testing.assert_array_equal(read_image(opened, color), read_image(path, color), err_msg=path.name)
                assert (opened.mode, opened.size, dict(opened.getexif())) == before, 'it is left as it is'
    assert read_image(tmp_path / '16.png').shape == read_image(tmp_path / 'rgb.jpg')[:1].shape == (1, 6, 4), 'turned'
    first = RGB.transpose(2, 0, 1)
    np.testing.assert_array_equal(read_image(tmp_path / 'pages.tif'), first)
    np.testing.assert_allclose(read_image(tmp_path / 'a.gif', color=True), first, atol=80)
    np.testing.assert_array_equal(read_image(tmp_path / 'hole.png', False)[0], np.where(GREY[0, 0] == GREY, 255, GREY))


def test_heif(tmp_path):
    pillow_heif = pytest.importorskip('pillow_heif')
    pillow_heif.from_pillow(Image.fromarray(RGB.repeat(16, 0).repeat(16, 1))).save(tmp_path / 'a.heic', quality=-1)
    (tmp_path / 'a.jpg').write_bytes((tmp_path / 'a.heic').read_bytes())
    for name in 'a.heic', 'a.jpg':
        np.testing.assert_allclose(read_image(tmp_path / name)[:, 8::16, 8::16], RGB.transpose(2, 0, 1), atol=6)
    assert '.heic' in image_suffixes()


def test_heif_without_its_reader(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pillow_heif', None)
    monkeypatch.setattr(Image, 'ID', [name for name in Image.ID if name != 'HEIF'])  # in case it has been registered
    (tmp_path / 'a.heic').write_bytes(b'\0\0\0\x18ftypheic')
    with pytest.raises(OSError, match=r"a\.heic: HEIF pictures need pillow-heif \(pip install 'autograd_nn\[heif\]'"):
        read_image(tmp_path / 'a.heic')
    assert '.heic' not in image_suffixes()


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


def test_damaged_files_are_named(tmp_path):
    for path in damaged(tmp_path):
        with pytest.raises(OSError, match=f'cannot read the image {path}: '):
            read_image(path)
    with pytest.raises(FileNotFoundError, match=r'none\.png'):
        read_image(tmp_path / 'none.png')
    picture = Image.open(next(damaged(tmp_path)))
    with pytest.raises(OSError, match=r'cannot read the image .*cut\.jpg: '):
        read_image(picture)
