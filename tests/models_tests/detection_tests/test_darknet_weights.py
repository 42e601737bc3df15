"""Darknet's files: every bit comes back, headers of both versions, and files that do not fit."""
import io
import struct

import numpy as np
import pytest

from autograd_nn import links as L
from autograd_nn import models
from autograd_nn.models.classification.darknet import add_darknet19
from autograd_nn.models.detection.darknet_weights import settle
from autograd_nn.models.layers.blocks import StagedChain

NETWORKS = {'yolov3': lambda: models.YOLOv3(4, 64, depths=(1, 1, 1, 1, 1), width=0.125),
            'yolov2': lambda: models.YOLOv2(3, 64, width=0.125),
            'yolov2_tiny': lambda: models.YOLOv2Tiny(2, 64, width=0.125)}


def file_of(model, header):
    """A file of random numbers, as long as the network wants it."""
    settle(model)
    averages = sum(2 * link.avg_mean.size for link in model.links() if isinstance(link, L.BatchNormalization))
    numbers = np.random.default_rng(0).normal(size=model.count_params() + averages).astype('<f4')
    return struct.pack('<3i', *header[:3]) + struct.pack(header.seen_format, header.seen) + numbers.tobytes()


@pytest.mark.parametrize('header, size', [(models.DarknetHeader(0, 1, 0, 32013312), 16),
                                          (models.DarknetHeader(0, 2, 0, 2 ** 40 + 7), 20),
                                          (models.DarknetHeader(0, 2, 5, 0), 20)])
@pytest.mark.parametrize('name', NETWORKS)
def test_files_come_back_bit_for_bit(name, header, size):
    model = NETWORKS[name]()
    content = file_of(model, header)
    assert len(content) % 4 == 0 and content[size - 4:size] != content[size:size + 4]
    assert models.load_darknet(io.BytesIO(content), model) == header
    file = io.BytesIO()
    models.save_darknet(file, model, header)
    assert file.getvalue() == content


@pytest.mark.slow
@pytest.mark.parametrize('name, numbers', [('yolov3', 62_001_757), ('yolov2', 50_983_561), ('yolov2_tiny', 15_867_885),
                                           ('darknet53', 41_645_640), ('darknet19', 20_856_776)])
def test_sizes_of_published_files(name, numbers, blank_parameters):
    """Such as 248,007,048 bytes of yolov3.weights, 203,934,260 of yolov2.weights, 63,471,556 of yolov2-tiny-voc."""
    class Stream:
        size = 0

        def write(self, content):
            self.size += len(content)

    stream = Stream()
    models.save_darknet(stream, models.create(name), models.DarknetHeader(minor=1))
    assert stream.size == 16 + 4 * numbers


def test_order_of_the_numbers():
    """Shift, scale, mean, variance and filters of a convolution; at the outputs biases and filters, x before y."""
    model = models.YOLOv2Tiny(2, 64, width=0.125)
    content = file_of(model, models.DarknetHeader())
    models.load_darknet(io.BytesIO(content), model)
    numbers = np.frombuffer(content, '<f4', offset=20)
    bn, conv = model.extractor['0']['bn'], model.extractor['0']['conv']
    for array, start in (bn.beta.array, 0), (bn.gamma.array, 2), (bn.avg_mean, 4), (bn.avg_var, 6):
        np.testing.assert_array_equal(array, numbers[start:start + 2])
    np.testing.assert_array_equal(conv.W.array.reshape(-1), numbers[8:8 + 54])
    outputs = numbers[-35 * 129:]
    darknet = [1, 0, 3, 2, 4, 5, 6]
    np.testing.assert_array_equal(model.subnet.b.array.reshape(5, 7)[:, darknet].reshape(-1), outputs[:35])
    W = model.subnet.W.array.reshape(5, 7, 128)
    np.testing.assert_array_equal(W[:, darknet].reshape(-1), outputs[35:])


def test_classifiers_and_their_first_layers():
    classifier, detector = StagedChain(), NETWORKS['yolov3']()
    add_darknet19(classifier, width=0.125)
    classifier.add_stage('fc', L.Convolution2D(None, 3, 1))
    content, file = file_of(classifier, models.DarknetHeader()), io.BytesIO()
    models.load_darknet(io.BytesIO(content), classifier)
    models.save_darknet(file, classifier)
    assert file.getvalue() == content
    np.testing.assert_array_equal(classifier.fc.W.array.reshape(-1), np.frombuffer(content, '<f4')[-3 * 128:])
    # What training of a detector starts from: a file that ends behind the second convolution.
    settle(detector)
    content = file_of(detector, models.DarknetHeader())[:20 + 4 * (4 * 4 + 108 + 4 * 8 + 288)]
    untouched = detector.extractor['2']['0']['conv'].W.array.copy()
    with pytest.raises(ValueError, match=r'expected .* numbers'):
        models.load_darknet(io.BytesIO(content), detector)
    models.load_darknet(io.BytesIO(content), detector, strict=False)
    np.testing.assert_array_equal(detector.extractor['1']['conv'].W.array.reshape(-1),
                                  np.frombuffer(content, '<f4')[-288:])
    np.testing.assert_array_equal(detector.extractor['2']['0']['conv'].W.array, untouched)


def test_files_that_do_not_fit(tmp_path):
    model = NETWORKS['yolov2_tiny']()
    content = file_of(model, models.DarknetHeader())
    before = [param.array.copy() for param in model.params()]
    path = tmp_path / 'some.weights'
    for wrong, message in (
            (content[:-4], r'some.weights: expected [\d,]+ numbers behind the header for YOLOv2Tiny with 2 classes, '
                           r'got [\d,]+: the file has been cut off, or has the weights of another network$'),
            (content + b'\0' * 4, 'the weights of another network'),
            (content[:-3], r'some.weights: expected numbers of 4 bytes behind the header, got [\d,]+ bytes: the file '
                           'has been cut off$'),
            (content[:19], 'some.weights: expected weights of Darknet, which begin with a version such as 0.2.0$'),
            (b'', 'expected weights of Darknet'), (b'PK\3\4' + content, 'expected weights of Darknet'),
            (b'\x89PNG' + bytes(100), 'expected weights of Darknet'),
            (b'\xff' * 100, 'expected weights of Darknet')):
        path.write_bytes(wrong)
        for strict in (True, False):
            if strict or 'cut off, or' not in message:
                with pytest.raises(ValueError, match=message):
                    models.load_darknet(path, model, strict=strict)
    for param, array in zip(model.params(), before):
        np.testing.assert_array_equal(param.array, array)
    with pytest.raises(OSError, match='nothing'):
        models.load_darknet(tmp_path / 'nothing.weights', model)


def test_only_networks_of_darknet():
    with pytest.raises(TypeError, match=r'expected layers of Darknet: convolutions, .* got '):
        models.save_darknet(io.BytesIO(), models.CifarResNet(n_layers=8))


@pytest.mark.slow
def test_network_for_a_file(tmp_path):
    """With as many classes as the file has weights for."""
    source = models.YOLOv2Tiny(num_classes=7)
    models.save_darknet(tmp_path / 'a.weights', source)
    model = models.create_from_darknet(tmp_path / 'a.weights', 'yolov2_tiny')
    assert model.n_fg_class == 7
    np.testing.assert_array_equal(model.subnet.W.array, source.subnet.W.array)
    with pytest.raises(ValueError, match='are those of yolov2 for no number of classes'):
        models.create_from_darknet(tmp_path / 'a.weights', 'yolov2')
    with pytest.raises(ValueError, match=r"expected one of darknet19, .*; got 'vgg16'"):
        models.create_from_darknet(tmp_path / 'a.weights', 'vgg16')
