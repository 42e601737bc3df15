"""The networks in the words of Darknet, for OpenCV to read."""
from __future__ import annotations

from collections.abc import Sequence


def net(size):
    return f'[net]\nwidth={size}\nheight={size}\nchannels=3\n'


def conv(filters, size, stride=1, normalized=True):
    return (f'[convolutional]\nbatch_normalize={int(normalized)}\nfilters={filters}\nsize={size}\nstride={stride}\n'
            f'pad=1\nactivation={"leaky" if normalized else "linear"}\n')


def pool(size=2, stride=2):
    return f'[maxpool]\nsize={size}\nstride={stride}\n'


def route(*layers):
    return f'[route]\nlayers={",".join(map(str, layers))}\n'


def residual(channels):
    return conv(channels // 2, 1) + conv(channels, 3) + '[shortcut]\nfrom=-3\nactivation=linear\n'


def darknet53(depths: Sequence[int], width: float) -> list[str]:
    """Sections as texts; those of a residual block are three."""
    sections = [conv(int(32 * width), 3)]
    for k, depth in enumerate(depths, start=1):
        channels = int((32 << k) * width)
        sections.append(conv(channels, 3, 2))
        sections += [residual(channels)] * depth
    return sections


def yolov3(size, classes, depths, width, anchors):
    """The network of the published yolov3.cfg, for any size, depth and width."""
    backbone = darknet53(depths, width)
    numbers = [text.count('[') for text in backbone]
    ends = [sum(numbers[:sum(depths[:k]) + k + 1]) - 1 for k in (4, 3)]
    flat = ', '.join(f'{w:g},{h:g}' for group in anchors[::-1] for h, w in group)
    text = net(size) + ''.join(backbone)
    for i, n in enumerate(int(n * width) for n in (512, 256, 128)):
        if i:
            text += route(-4) + conv(n, 1) + '[upsample]\nstride=2\n' + route(-1, ends[i - 1])
        text += (conv(n, 1) + conv(2 * n, 3)) * 3 + conv(3 * (5 + classes), 1, normalized=False)
        mask = ','.join(str(3 * (2 - i) + j) for j in range(3))
        text += f'[yolo]\nmask={mask}\nanchors={flat}\nclasses={classes}\nnum=9\n'
    return text


def yolov2(size, classes, width, anchors):
    """The network of the published yolov2.cfg, for any size and width."""
    text = net(size)
    for k, depth in enumerate((1, 1, 3, 3, 5, 5)):
        text += pool() if k else ''
        for i in range(depth):
            text += conv(int((32 << k) * width) // (1 + i % 2), 1 if i % 2 else 3)
    big = int(1024 * width)
    text += conv(big, 3) * 2 + route(-9) + conv(int(64 * width), 1) + '[reorg]\nstride=2\n' + route(-1, -4)
    return text + conv(big, 3) + region(classes, anchors)


def yolov2_tiny(size, classes, width, anchors):
    """The network of the published yolov2-tiny-voc.cfg, for any size and width."""
    text = net(size)
    for k in range(8):
        text += conv(int((16 << min(k, 6)) * width), 3)
        text += pool() if k < 5 else pool(2, 1) if k == 5 else ''
    return text + region(classes, anchors)


def region(classes, anchors):
    flat = ', '.join(f'{w / 32:g},{h / 32:g}' for h, w in anchors)
    return (conv(len(anchors) * (5 + classes), 1, normalized=False)
            + f'[region]\nanchors={flat}\nclasses={classes}\ncoords=4\nnum={len(anchors)}\nsoftmax=1\n')
