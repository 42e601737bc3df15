"""Single layers and whole networks, here and in OpenCV."""
import io

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import caffe

cv2 = pytest.importorskip('cv2')
# Test processes run side by side; threads would only wait for one another.
cv2.setNumThreads(1)


def describe(kind, settings, shapes, tops=1):
    """The text of a network of one layer, called y, on inputs x0, x1, ..."""
    lines = []
    for i, shape in enumerate(shapes):
        dims = ' '.join(f'dim: {n}' for n in shape)
        lines.append(f'layer {{ name: "x{i}" type: "Input" top: "x{i}" input_param {{ shape {{ {dims} }} }} }}')
    bottoms = ' '.join(f'bottom: "x{i}"' for i in range(len(shapes)))
    names = ' '.join(f'top: "{name}"' for name in ['y', *(f'y{i}' for i in range(1, tops))])
    lines.append(f'layer {{ name: "y" type: "{kind}" {bottoms} {names} {settings} }}')
    return '\n'.join(lines)


def write(text, blobs):
    """A network's two files, as bytes."""
    file = io.BytesIO()
    caffe.write_caffemodel(file, caffe.read_prototxt(io.BytesIO(text.encode())), blobs)
    return text.encode(), file.getvalue()


def load(text, blobs=None, **options):
    if blobs is None:
        return caffe.load(io.BytesIO(text.encode()), **options)
    return caffe.load(*map(io.BytesIO, write(text, blobs)), **options)


def run(text, blobs, inputs, outputs, **options):
    """What `caffe.load` makes of a network computes: arrays for some of its blobs."""
    with ann.no_backprop_mode():
        return [y.array for y in load(text, blobs, **options)(inputs, outputs)]


def run_opencv(text, blobs, inputs, outputs, fusion=True):
    """What OpenCV computes: arrays for the outputs of some layers."""
    prototxt, caffemodel = (np.frombuffer(data, np.uint8) for data in write(text, blobs))
    net = cv2.dnn.readNetFromCaffe(prototxt, caffemodel if blobs else np.zeros(0, np.uint8))
    net.enableFusion(fusion)
    for name, array in inputs.items():
        net.setInput(array, name)
    return list(net.forward(list(outputs)))


def check_layer(kind, settings, inputs, blobs=(), reference=None, tops=1, rtol=1e-4, atol=1e-5):
    """Compares a layer with OpenCV's, or with a formula on its inputs and blobs."""
    inputs = [np.asarray(x, np.float32) for x in inputs]
    text = describe(kind, settings, [x.shape for x in inputs], tops)
    named = {f'x{i}': x for i, x in enumerate(inputs)}
    weights = {'y': [np.asarray(blob, np.float32) for blob in blobs]} if len(blobs) else {}
    actual = run(text, weights, named, ['y', *(f'y{i}' for i in range(1, tops))])
    if reference is None:
        expected = run_opencv(text, weights, named, ['y'])
        assert tops == 1
    else:
        expected = reference(*inputs, *weights.get('y', ()))
        expected = expected if isinstance(expected, tuple) else (expected,)
    for y, wanted in zip(actual, expected, strict=True):
        assert y.dtype == np.float32
        assert y.shape == np.shape(wanted)
        np.testing.assert_allclose(y, wanted, rtol=rtol, atol=atol)


def random(*shape, low=-1, high=1):
    return np.random.uniform(low, high, shape).astype('f')
