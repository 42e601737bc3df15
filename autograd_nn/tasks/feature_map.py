"""Pictures of features: each sample where its features put it on a plane."""
from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def project(features: np.ndarray, neighbours: bool = False) -> np.ndarray:
    """Places of features on a plane.

    Args:
        features: Shape (N, D), floating-point.
        neighbours: Whether those that are near each other should stay so, whatever becomes of the others: t-SNE, which
            needs scikit-learn (``pip install 'autograd_nn[representation]'``). Otherwise they are seen from where they
            are furthest apart: principal components. References: L. van der Maaten, G. Hinton, Visualizing Data using
            t-SNE, 2008; K. Pearson, On Lines and Planes of Closest Fit to Systems of Points in Space, 1901.

    Returns:
        Shape (N, 2), float32, of mean 0.

    Raises:
        ImportError: scikit-learn is missing.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0., 0., 1.], [0., 3., 1.], [0., 6., 1.]])
        >>> abs(project(x)).round(3)
        array([[3., 0.],
               [0., 0.],
               [3., 0.]], dtype=float32)
    """
    centered = features - features.mean(axis=0)
    _, values, axes = np.linalg.svd(centered, full_matrices=False)
    places = np.zeros((len(features), 2), np.float32)
    found = centered @ axes[:2].T
    places[:, :found.shape[1]] = found
    if not neighbours or len(features) < 5:
        return places
    from sklearn.manifold import TSNE

    # Components of a fiftieth of the largest are noise, and cost time; the first two are where it begins.
    start = places / max(places[:, 0].std(), 1e-12) * 1e-4
    reduced = centered @ axes[values > values[0] / 50].T
    tsne = TSNE(perplexity=min(30, (len(features) - 1) / 3), init=start, random_state=0)
    return tsne.fit_transform(reduced.astype(np.float32))


def draw_map(pictures: Sequence[np.ndarray], places: np.ndarray, labels: Sequence[int], names: Sequence[str],
             size: int = 900, side: int = 20) -> Image.Image:
    """Draws pictures at their places, each in the colour of its class.

    Args:
        pictures: Arrays of shape (C, H, W), values from 0 to 1.
        places: Shape (N, 2); they are stretched to fill the sheet.
        labels: The class of each.
        names: The names of the classes.
        size: The width and height of the map, in pixels.
        side: Those of each picture.

    Returns:
        The map, above the names of the classes.
    """
    sheet = Image.new('RGB', (size, size + 28), 'white')
    low, span = places.min(axis=0), np.maximum(np.ptp(places, axis=0), 1e-12)
    corners = ((places - low) / span * (size - side)).astype(int)
    colors = [tuple(int(255 * value) for value in colorsys.hsv_to_rgb(i / max(1, len(names)), 0.9, 0.75))
              for i in range(len(names))]
    for picture, corner, label in zip(pictures, corners.tolist(), labels):
        grey = np.clip(picture, 0, 1).mean(axis=0)
        mask = Image.fromarray((255 * grey).astype(np.uint8)).resize((side, side))
        if len(picture) == 3:
            shown = Image.fromarray((255 * np.clip(picture, 0, 1)).astype(np.uint8).transpose(1, 2, 0))
            sheet.paste(shown.resize((side, side)), tuple(corner))
            ImageDraw.Draw(sheet).rectangle((*corner, corner[0] + side - 1, corner[1] + side - 1),
                                            outline=colors[label], width=2)
        else:  # A character: its strokes alone, so that those behind it are seen.
            sheet.paste(colors[label], tuple(corner), mask)
    draw, x = ImageDraw.Draw(sheet), 6.0
    font = ImageFont.load_default(14)
    for name, color in zip(names, colors):
        draw.text((x, size + 5), name, color, font)
        x += draw.textlength(name, font) + 14
    return sheet
