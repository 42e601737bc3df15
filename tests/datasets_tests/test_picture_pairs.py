"""Pairs of pictures: where they lie, how they are read, and outlines."""
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from autograd_nn.datasets import DigitOutlines, PicturePairDataset, get_digits, outline


def write(path, shade, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size, shade).save(path)


def test_two_folders(tmp_path):
    for i in range(3):
        write(tmp_path / 'inputs' / f'{i}.png', (50 * i, 0, 0))
        write(tmp_path / 'targets' / f'{i}.bmp', (0, 50 * i, 255))
    pairs = PicturePairDataset(tmp_path, (3, 4))
    assert len(pairs) == 3
    x, y = pairs[2]
    assert x.shape == y.shape == (3, 3, 4) and x.dtype == y.dtype == np.float32
    np.testing.assert_allclose(x[:, 0, 0], [100 / 255, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(y[:, 0, 0], [0, 100 / 255, 1], rtol=1e-6)
    assert PicturePairDataset(tmp_path, (3, 4), color=False)[0][0].shape == (1, 3, 4)


def test_side_by_side(tmp_path):
    both = Image.new('RGB', (16, 6), 'black')
    both.paste('white', (8, 0, 16, 6))
    both.save(tmp_path / 'both.png')
    (x, y), = PicturePairDataset(tmp_path, (6, 8))[:]
    assert (x == 0).all() and (y == 1).all() and x.shape == (3, 6, 8)


def test_mistakes_name_the_file(tmp_path):
    with pytest.raises(ValueError, match=r'expected pictures in inputs/ and targets/.* found none'):
        PicturePairDataset(tmp_path, (4, 4))
    write(tmp_path / 'odd' / '0.png', 'red', (7, 4))
    with pytest.raises(ValueError, match=r'0\.png: expected two pictures of one size side by side, got 7 x 4'):
        PicturePairDataset(tmp_path / 'odd', (4, 4))
    write(tmp_path / 'inputs' / 'a.png', 'red')
    with pytest.raises(ValueError, match='there is no targets'):
        PicturePairDataset(tmp_path, (4, 4))
    write(tmp_path / 'targets' / 'b.png', 'red')
    with pytest.raises(ValueError, match=r'a\.png: expected a picture of this name in .*targets'):
        PicturePairDataset(tmp_path, (4, 4))
    (tmp_path / 'targets' / 'b.png').unlink()
    write(tmp_path / 'targets' / 'a.png', 'red', (9, 6))
    with pytest.raises(ValueError, match=r'a\.png: expected 8 x 6 pixels, as .*a\.png has, got 9 x 6'):
        PicturePairDataset(tmp_path, (4, 4))


def test_outlines_are_what_erosion_takes_away():
    rng = np.random.default_rng(0)
    x = ndimage.gaussian_filter(rng.random((4, 1, 20, 17)), (0, 0, 1.5, 1.5))
    x = (x - x.min()) / np.ptp(x)
    bright = x >= 0.4
    cross = ndimage.generate_binary_structure(2, 1)[None, None]
    np.testing.assert_array_equal(outline(x), bright & ~ndimage.binary_erosion(bright, cross))
    assert outline(x).dtype == x.dtype


def test_outlines_of_digits():
    digits = get_digits(ndim=3)[1]
    outlines = DigitOutlines(digits)
    assert len(outlines) == 2000
    drawn, digit, t = outlines[5]
    np.testing.assert_array_equal(digit[:, 2:30, 2:30], digits[5][0])
    np.testing.assert_array_equal(drawn, outline(digit))
    assert t == digits[5][1] and drawn.dtype == digit.dtype == np.float32 and 0.02 < drawn.mean() < 0.3
