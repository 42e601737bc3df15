"""Pictures of three classes that take learning to tell apart, for tests of whatever learns from a folder."""
import numpy as np
from PIL import Image

CLASSES = ('blobs', 'checks', 'stripes')


def write_textures(folder, per_class=40, side=64, seed=0):
    """Writes pictures to `folder`: class/number.png.

    Colours, directions, sizes and places are random in each picture, so that no single pixel and no colour tells what
    it shows: stripes, checks, or bright blobs around the middle. Of these only the blobs show in sums over pixels, so
    a linear classifier can get two of three right, and what sees edges can get all.

    Args:
        folder: A pathlib.Path, which is created.
        per_class: How many pictures there are of each class.
        side: Their height and width in pixels.
        seed: Start of the random numbers.
    """
    rng = np.random.default_rng(seed)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            Image.fromarray(texture(name, side, rng)).save(folder / name / f'{i}.png')


def texture(name, side, rng):
    """One picture, uint8 of shape (side, side, 3)."""
    row, column = np.mgrid[:side, :side] / side
    if name == 'blobs':
        pattern = np.zeros((side, side))
        for _ in range(rng.integers(1, 4)):
            y, x = rng.normal(0.5, 0.12, 2)
            pattern += np.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * rng.uniform(0.07, 0.14) ** 2))
        pattern = pattern.clip(0, 1)
    else:
        angle, period = rng.uniform(0, np.pi), rng.uniform(0.12, 0.3)
        across = (np.cos(angle) * row + np.sin(angle) * column) / period + rng.random()
        along = (np.cos(angle) * column - np.sin(angle) * row) / period + rng.random()
        pattern = np.sign(np.sin(2 * np.pi * across)) * (np.sign(np.sin(2 * np.pi * along)) if name == 'checks' else 1)
        pattern = pattern / 2 + 0.5
    dark, bright = rng.uniform(10, 110, 3), rng.uniform(140, 250, 3)
    picture = dark + pattern[..., None] * (bright - dark) + rng.normal(0, 12, (side, side, 3))
    return picture.clip(0, 255).astype(np.uint8)
