"""Pictures that follow each other."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image


@dataclass(frozen=True)
class Animation:
    """Pictures that follow each other, as a GIF has them.

    Attributes:
        frames: The pictures, all of one size, at least one.
        milliseconds: How long each is shown.
        rest: How long the last one is shown, in milliseconds, before the first one comes again.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> from autograd_nn.utils import Animation
        >>> file = io.BytesIO()
        >>> Animation([Image.new('RGB', (8, 6), color) for color in ('red', 'blue')], milliseconds=50).save(file)
        >>> picture = Image.open(file)
        >>> picture.format, picture.size, picture.n_frames
        ('GIF', (8, 6), 2)
    """

    frames: Sequence[Image.Image]
    milliseconds: int = 40
    rest: int = 1000

    def save(self, file: Any, format: str = 'GIF') -> None:
        """Writes the animation; all frames share 64 colours, without dithering, which would flicker.

        Args:
            file: A path or a binary file.
            format: One of Pillow's that has several frames.
        """
        some = self.frames[::max(1, len(self.frames) // 8)]
        width, height = some[0].size
        samples = Image.new('RGB', (width, height * len(some)))
        for i, frame in enumerate(some):
            samples.paste(frame.convert('RGB'), (0, i * height))
        palette = samples.quantize(64)
        first, *others = (frame.convert('RGB').quantize(palette=palette, dither=Image.Dither.NONE)
                          for frame in self.frames)
        first.save(file, format, save_all=True, append_images=others, loop=0, optimize=False,
                   duration=[*[self.milliseconds] * len(others), max(self.rest, self.milliseconds)])
