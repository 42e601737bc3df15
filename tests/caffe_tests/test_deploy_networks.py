"""Networks that were published for Caffe, with random weights, here and in OpenCV."""
import numpy as np
import pytest

from support.caffe import further_networks as networks
from support.caffe import networks as caffe_networks
from support.caffe.layer_checks import load, run_opencv

NETWORKS = {
    'alexnet': caffe_networks.alexnet,
    'caffenet': lambda: caffe_networks.alexnet(reference=True),
    'vgg16': caffe_networks.PUBLISHED['vgg16'],
    'vgg19': caffe_networks.PUBLISHED['vgg19'],
    'googlenet': caffe_networks.googlenet,
    'resnet50': caffe_networks.resnet,
    'squeezenet': lambda: caffe_networks.squeezenet('1.0'),
    'mobilenet': networks.mobilenet,
    'ssd': networks.ssd,
}


@pytest.mark.parametrize('name', NETWORKS)
def test_network(name):
    text, blobs = NETWORKS[name]()
    net = load(text, blobs)
    x = np.random.uniform(-100, 100, (1, *net.input_shapes['data'][1:])).astype('f')
    # The last layer of each name in the end leaves what its blob is.
    last = {top: layer for layer, top in layers_and_tops(net) if top != 'data'}
    actual = net(x, list(last))
    # With fusion, OpenCV returns something else for blobs that are parts of others.
    expected = run_opencv(text, blobs, {'data': x}, last.values(), fusion=False)
    for blob, y, wanted in zip(last, actual, expected, strict=True):
        if blob == 'detection_out':
            # Of several classes, each in the order of scores.
            wanted = wanted[:, :, np.argsort(wanted[0, 0, :, 1], kind='stable')]
        np.testing.assert_allclose(y.array, wanted.reshape(y.shape), rtol=1e-3, atol=1e-4 * abs(wanted).max(),
                                   err_msg=blob)
    fused, whole = load(text, blobs, fuse=True)(x), net(x)
    np.testing.assert_allclose(whole.array, actual[-1].array, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(fused.array, actual[-1].array, rtol=1e-3, atol=1e-4)


def layers_and_tops(net):
    return [(step.name, top) for step in net._steps for top in step.tops]
