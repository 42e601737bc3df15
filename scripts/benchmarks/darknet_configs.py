"""YOLO networks in the words of Darknet, as its published ``.cfg`` files have them: for OpenCV to read."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Anchors = Sequence[tuple[float, float]]


def yolov3(network: Any, depths: Sequence[int] = (1, 2, 8, 8, 4), width: float = 1) -> str:
    """Describes `models.YOLOv3`.

    Args:
        network: The network.
        depths: The numbers of its residual blocks.
        width: By what its numbers of channels are multiplied.
    """
    classes, anchors = network.n_fg_class, network.anchors
    text, laterals = _darknet53(depths, width)
    flat = _in_pairs([anchor for group in anchors[::-1] for anchor in group])
    text = _net(network.insize) + text
    for i, n in enumerate(int(n * width) for n in (512, 256, 128)):
        if i:
            text += _route(-4) + _conv(n, 1) + '[upsample]\nstride=2\n' + _route(-1, laterals[-i])
        text += (_conv(n, 1) + _conv(2 * n, 3)) * 3 + _conv(3 * (5 + classes), 1, normalized=False)
        mask = ','.join(str(3 * (2 - i) + j) for j in range(3))
        text += f'[yolo]\nmask={mask}\nanchors={flat}\nclasses={classes}\nnum=9\n'
    return text


def yolov2(network: Any, width: float = 1) -> str:
    """Describes `models.YOLOv2` (for the arguments see `yolov3`)."""
    text = _net(network.insize)
    for k, depth in enumerate((1, 1, 3, 3, 5, 5)):
        text += _pool() if k else ''
        for i in range(depth):
            text += _conv(int((32 << k) * width) // (1 + i % 2), 1 if i % 2 else 3)
    large = int(1024 * width)
    text += _conv(large, 3) * 2 + _route(-9) + _conv(int(64 * width), 1) + '[reorg]\nstride=2\n' + _route(-1, -4)
    return text + _conv(large, 3) + _region(network)


def yolov2_tiny(network: Any, width: float = 1) -> str:
    """Describes `models.YOLOv2Tiny` (for the arguments see `yolov3`)."""
    text = _net(network.insize)
    for k in range(8):
        text += _conv(int((16 << min(k, 6)) * width), 3)
        text += _pool() if k < 5 else _pool(stride=1) if k == 5 else ''
    return text + _region(network)


def _darknet53(depths: Sequence[int], width: float) -> tuple[str, list[int]]:
    """Darknet-53, and the number of the last layer in front of each halving."""
    text, ends = _conv(int(32 * width), 3), []
    for k, depth in enumerate(depths, start=1):
        channels = int((32 << k) * width)
        residual = _conv(channels // 2, 1) + _conv(channels, 3) + '[shortcut]\nfrom=-3\nactivation=linear\n'
        ends.append(text.count('[') - 1)
        text += _conv(channels, 3, 2) + residual * depth
    return text, ends


def _region(network: Any) -> str:
    anchors = [(height / 32, width / 32) for height, width in network.anchors[0]]
    return (_conv(len(anchors) * (5 + network.n_fg_class), 1, normalized=False)
            + f'[region]\nanchors={_in_pairs(anchors)}\nclasses={network.n_fg_class}\ncoords=4\nnum={len(anchors)}\n'
            'softmax=1\n')


def _net(size: int) -> str:
    return f'[net]\nwidth={size}\nheight={size}\nchannels=3\n'


def _conv(filters: int, size: int, stride: int = 1, normalized: bool = True) -> str:
    return (f'[convolutional]\nbatch_normalize={int(normalized)}\nfilters={filters}\nsize={size}\nstride={stride}\n'
            f'pad=1\nactivation={"leaky" if normalized else "linear"}\n')


def _pool(stride: int = 2) -> str:
    return f'[maxpool]\nsize=2\nstride={stride}\n'


def _route(*layers: int) -> str:
    return f'[route]\nlayers={",".join(map(str, layers))}\n'


def _in_pairs(anchors: Anchors) -> str:
    return ', '.join(f'{width:g},{height:g}' for height, width in anchors)
