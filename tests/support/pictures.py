"""Files of pictures, whole and damaged."""
import io

import numpy as np
from PIL import Image

RGB = np.random.RandomState(0).randint(0, 256, (4, 6, 3), np.uint8)
GREY = RGB[..., 0]


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def damaged(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (60, 60, 3), np.uint8)).save(stream, 'jpeg')
    content = stream.getvalue()
    for name, data in (('cut.jpg', content[:len(content) // 2]), ('empty.jpg', b''), ('text.jpg', b'no image at all')):
        (tmp_path / name).write_bytes(data)
        yield tmp_path / name
