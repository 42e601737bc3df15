"""A network that somebody trained with Caffe, on photographs, against OpenCV: every blob of it."""
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import caffe
from autograd_nn.links.caffe import CaffeFunction
from support.caffe.layer_checks import cv2
from support.caffe.nsfw import fetch

IMAGES = Path(__file__).parents[3] / 'shared' / 'data' / 'images'
MEAN = np.array([104, 117, 123], np.float32)


@pytest.fixture(scope='module')
def paths():
    return fetch()


@pytest.fixture(scope='module')
def batch():
    """Ten images: parts of photographs where these are at hand, and random pixels."""
    rng = np.random.RandomState(0)
    images = []
    for path in sorted(IMAGES.glob('*.jpg')):
        with Image.open(path) as picture:
            picture = picture.convert('RGB')
        for _ in range(2):
            side = rng.randint(min(picture.size) // 2, min(picture.size) + 1)
            left, top = (rng.randint(0, n - side + 1) for n in picture.size)
            part = picture.resize((224, 224), box=(left, top, left + side, top + side))
            images.append((np.asarray(part, np.float32)[:, :, ::-1] - MEAN).transpose(2, 0, 1))
    while len(images) < 10:
        images.append(rng.uniform(-120, 130, (3, 224, 224)).astype('f'))
    return np.stack(images[:10])


@pytest.fixture(scope='module')
def opencv(paths):
    net = cv2.dnn.readNetFromCaffe(*map(str, paths))
    net.enableFusion(False)
    return net


@pytest.mark.slow
def test_outputs(paths, batch, opencv):
    expected = []
    for x in batch:
        opencv.setInput(x[None])
        expected.append(opencv.forward()[0])
    nets = [caffe.load(*paths, fuse=fuse) for fuse in (False, True)]
    with ann.no_backprop_mode():
        for net in nets:
            np.testing.assert_allclose(net(batch).array, expected, rtol=0, atol=1e-4)
    # On photographs the network says something; on noise it need not.
    assert np.ptp(np.array(expected)[:, 0]) > 1e-3 or not IMAGES.exists()
    logits = nets[0](batch, 'fc_nsfw').array
    func = CaffeFunction(paths[1])
    with ann.using_config('train', False), ann.no_backprop_mode():
        np.testing.assert_allclose(func({'data': batch}, ['fc_nsfw'])[0].array, logits, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_every_blob(paths, batch, opencv):
    """What each layer makes, one that works in place included."""
    net = caffe.load(*paths)
    x = batch[:1]
    names = list(net.layer_types)
    opencv.setInput(x)
    expected = dict(zip(names, opencv.forward(names), strict=True))
    with ann.no_backprop_mode():
        found = net.extract(x, [name for name in names if name not in net.blob_names])
        found.update((name, net(x, name, end=name)) for name in names if name not in found)
    for name in names:
        np.testing.assert_allclose(found[name].array, expected[name], rtol=1e-4,
                                   atol=1e-4 * max(1, abs(expected[name]).max()), err_msg=name)


def test_gradients_reach_the_image(paths, batch):
    net = caffe.load(*paths)
    x = ann.Variable(batch[:1])
    y = net(x, 'fc_nsfw')[0, 1]
    y.backward()
    step = 1e-2 * x.grad / np.sqrt((x.grad ** 2).sum())
    ahead, behind = (net(x.array + sign * step, 'fc_nsfw').array[0, 1] for sign in (1, -1))
    np.testing.assert_allclose((ahead - behind) / 2e-2, np.sqrt((x.grad ** 2).sum()), rtol=0.1)
