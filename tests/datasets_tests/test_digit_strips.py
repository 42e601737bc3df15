"""Lines of handwritten digits, and pictures that are made like them."""
import numpy as np
import pytest
from PIL import Image

from autograd_nn.datasets import DigitStrips, get_digits, prepare_line
from autograd_nn.datasets.digit_strips import LINE, MARGIN


def test_lines_depend_on_arguments_and_place_alone():
    lines = DigitStrips(20, count=(2, 4), seed=3)
    for i in 7, 0, 19:
        image, text = lines[i]
        np.testing.assert_array_equal(image, DigitStrips(30, count=(2, 4), seed=3)[i][0])
        assert image.dtype == np.float32 and image.shape[:2] == (1, 28) and 0.5 < image.max() <= 1
        assert 2 <= len(text) <= 4 and text.isdigit()
        assert not image[0, :, :MARGIN].any() and not image[0, :, -MARGIN:].any()
    assert {text for _, text in lines[:]} != {text for _, text in DigitStrips(20, count=(2, 4), seed=4)[:]}
    assert {len(text) for _, text in DigitStrips(60)[:]} == {3, 4, 5, 6}


def test_each_epoch_has_other_lines_if_they_are_fresh():
    fresh, fixed = DigitStrips(5, fresh=True), DigitStrips(5)
    assert [text for _, text in fresh.at_epoch(2)[:]] == [text for _, text in DigitStrips(15)[10:]]
    assert fresh.at_epoch(0)[3][1] == fixed.at_epoch(9)[3][1] == fixed[3][1]


def test_all_digits_occur_and_are_those_of_the_split():
    counts = np.bincount([int(digit) for _, text in DigitStrips(300)[:] for digit in text], minlength=10)
    assert counts.min() > 0.6 * counts.mean()
    image, text = DigitStrips(1, 'test', count=(1, 1))[0]
    drawn = image[0, :, image[0].any(axis=0)].T
    nearest = []
    for split in get_digits(ndim=2):
        digits, labels = (np.stack(column) for column in zip(*split[:]))
        shown = [np.asarray(Image.fromarray(digit).resize(drawn.shape[::-1])) for digit in digits[labels == int(text)]]
        nearest.append(min(float(((each - drawn) ** 2).mean()) for each in shown))
    assert min(nearest) < drawn.var()


@pytest.mark.parametrize('arguments, message', [
    ({'split': 'val'}, "split: expected 'train' or 'test', got 'val'"), ({'length': -1}, 'got -1, 0 and'),
    ({'count': (3, 2)}, r'got 1, 0 and \(3, 2\)'), ({'count': (0, 2)}, '1 <= count')])
def test_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        DigitStrips(**{'length': 1, **arguments})


@pytest.mark.parametrize('dark', [False, True])
def test_a_photograph_becomes_a_line(dark):
    line, _ = DigitStrips(1)[0]
    large = np.asarray(Image.fromarray(line[0]).resize((3 * line.shape[2], 84), Image.Resampling.BICUBIC)).clip(0, 1)
    photo = np.pad(large, ((40, 60), (30, 90)))
    photo = 30 + 200 * photo if dark else 220 - 180 * photo
    found = prepare_line(photo[None])
    assert found.shape[:2] == (1, 28) and found.dtype == np.float32 and found.max() == pytest.approx(1)
    rows, columns = (np.flatnonzero(found[0].any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (3, 3 + LINE - 1) and (columns[0], found.shape[2] - 1 - columns[-1]) == (4, 4)
    # The same shape as the line that was photographed.
    rows, columns = (np.flatnonzero((line[0] > 0.5).any(axis=axis)) for axis in (1, 0))
    cut = line[0, rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    same = np.asarray(Image.fromarray(cut).resize((found.shape[2] - 8, LINE)))
    assert np.corrcoef(same.ravel(), found[0, 3:-3, 4:-4].ravel())[0, 1] > 0.8


def test_a_line_of_28_pixels_on_dark_ground_stays_as_it_is():
    line, _ = DigitStrips(1)[0]
    np.testing.assert_allclose(prepare_line(255 * line), line, atol=1e-6)


@pytest.mark.parametrize('image, message', [
    (np.zeros((3, 9, 9)), r'expected an image of shape \(1, height, width\), got \(3, 9, 9\)'),
    (np.full((1, 40, 90), 200.), 'expected a line of characters on the picture, found nothing but ground')])
def test_what_is_no_line(image, message):
    with pytest.raises(ValueError, match=f'^prepare_line: {message}'):
        prepare_line(image)
