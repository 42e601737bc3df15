"""Lines of handwritten digits, of any length, with what they say: for networks that read."""
from __future__ import annotations

import numpy as np
from PIL import Image

from autograd_nn.datasets.digit_scenes import NumberedDrawings, digits_of
from autograd_nn.datasets.prepare_digit import find_ink

HEIGHT = 28
# How high a line is, from the top of the highest digit to the bottom of the lowest, and the margin beside it.
LINE, MARGIN = 22, 4


class DigitStrips(NumberedDrawings):
    """Lines of handwritten digits, each stretched, slanted and moved a bit: nothing but this package.

    An example is a picture, float32 from 0 to 1, bright on dark, of shape (1, 28, W), each with its own width W, and
    the string of its digits. Example *i* depends on the arguments and *i* alone. The digits are those of `get_digits`:
    the people who wrote those of the test lines wrote none of the training lines.

    Args:
        length: The number of lines.
        split: ``'train'`` or ``'test'``.
        seed: Chooses them; not negative.
        count: The least and the greatest number of digits in a line.
        fresh: Whether each epoch has other lines (see `DatasetMixin.at_epoch`): example *i* of epoch *e* is number *e*
            times `length` plus *i*.

    Raises:
        ValueError: There is no such split, or a number is impossible.

    Example:
        >>> from autograd_nn.datasets import DigitStrips
        >>> image, text = DigitStrips(100)[0]
        >>> image.shape, text
        ((1, 28, 147), '491052')
    """

    def __init__(self, length: int, split: str = 'train', seed: int = 0, count: tuple[int, int] = (3, 6),
                 fresh: bool = False) -> None:
        super().__init__(length, split, seed, fresh)
        if length < 0 or seed < 0 or not 1 <= count[0] <= count[1]:
            raise ValueError('DigitStrips: expected a length and a seed of at least 0, and 1 <= count[0] <= count[1]; '
                             f'got {length}, {seed} and {count}')
        self.count = count

    def get_example(self, i: int) -> tuple[np.ndarray, str]:
        rng = self._generator(i)
        digits, labels = digits_of(self.split)
        chosen = rng.integers(len(digits), size=rng.integers(self.count[0], self.count[1] + 1))
        height = rng.uniform(18, LINE)
        drawn = [_vary(digits[k], height * rng.uniform(0.95, 1.05), rng) for k in chosen]
        gaps = rng.integers(0, 6, len(drawn))
        image = np.zeros((HEIGHT, 2 * MARGIN + int(gaps.sum()) + sum(each.shape[1] for each in drawn)), np.float32)
        left = MARGIN
        for digit, gap in zip(drawn, gaps):
            rows, columns = digit.shape
            top = int(np.clip((HEIGHT - rows) // 2 + rng.integers(-2, 3), 0, HEIGHT - rows))
            left += int(gap)
            place = image[top:top + rows, left:left + columns]
            np.maximum(place, digit, out=place)
            left += columns
        return image[None], ''.join([str(labels[k]) for k in chosen])


def _vary(digit: np.ndarray, height: float, rng: np.random.Generator) -> np.ndarray:
    """A digit, bytes of shape (28, 28), about as high as given, stretched, slanted and turned; values from 0 to 1."""
    scale = height / 20  # as high as digits of MNIST are
    stretch, slant, turn = scale * rng.uniform(0.85, 1.15), rng.uniform(-0.15, 0.15), rng.uniform(-0.08, 0.08)
    side, middle = 2 * HEIGHT, (HEIGHT - 1) / 2
    forward = np.array([[stretch, slant * scale], [0, scale]]) @ [[np.cos(turn), -np.sin(turn)],
                                                                  [np.sin(turn), np.cos(turn)]]
    back = np.linalg.inv(forward)
    offset = middle - back @ [HEIGHT - 0.5, HEIGHT - 0.5]
    picture = Image.fromarray(digit).transform((side, side), Image.Transform.AFFINE,
                                               (*back[0], offset[0], *back[1], offset[1]), Image.Resampling.BILINEAR)
    ink = np.asarray(picture, np.float32) / 255
    return cut_out(ink, 0.2)[:HEIGHT]


def cut_out(ink: np.ndarray, least: float = 0.) -> np.ndarray:
    """The part of a picture that has ink: more than `least` of it; nothing if there is none."""
    rows, columns = (np.flatnonzero((ink > least).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] if len(rows) else ink[:0, :0]


def prepare_line(image: np.ndarray) -> np.ndarray:
    """Makes a photograph or a drawing of a line of characters look like those of `DigitStrips`.

    As there, it is bright on dark, 28 pixels high, and as wide as it is long.

    Args:
        image: Grey values from 0 to 255, shape (1, height, width), with one line on a ground of about one colour. An
            image 28 pixels high on dark ground is taken to be as it should.

    Returns:
        Values from 0 to 1, float32 of shape (1, 28, W).

    Raises:
        ValueError: `image` has another kind of shape, or nothing is on it.

    Example:
        >>> paper = np.full((1, 100, 300), 250.)
        >>> paper[0, 28:72, 50:60] = paper[0, 28:72, 100:110] = 30
        >>> line = prepare_line(paper)
        >>> line.shape, np.flatnonzero(line[0, 14] > 0.5).tolist()
        ((1, 28, 38), [4, 5, 6, 7, 8, 29, 30, 31, 32, 33])
    """
    ink, ready = find_ink('prepare_line', image, lambda shape: shape[0] == HEIGHT)
    if ready:
        return ink[None]
    line = cut_out(ink)
    if not line.size:
        raise ValueError('prepare_line: expected a line of characters on the picture, found nothing but ground')
    size = max(1, round(line.shape[1] * LINE / line.shape[0])), LINE
    method = Image.Resampling.BOX if line.shape[0] > LINE else Image.Resampling.BILINEAR
    scaled = np.asarray(Image.fromarray(line).resize(size, method))
    above = (HEIGHT - LINE) // 2
    return np.pad(scaled / scaled.max(), ((above, HEIGHT - LINE - above), (MARGIN, MARGIN)))[None]
