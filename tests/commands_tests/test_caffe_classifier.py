"""Classifying pictures with a network of Caffe, as a person does it."""
import re

import numpy as np
import pytest
from PIL import Image

from autograd_nn import caffe
from support.caffe import networks as caffe_networks
from support.programs import expect_one_line, run, run_here

NAMES = ['tench, Tinca tinca', 'goldfish', 'great white shark', 'tiger shark', 'hammerhead', 'electric ray', 'stingray']
# What is brightest of blue, green and red.
COLOURS = '''
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "mean" type: "Pooling" bottom: "data" top: "mean" pooling_param { pool: AVE global_pooling: true } }
layer { name: "fc" type: "InnerProduct" bottom: "mean" top: "fc" inner_product_param { num_output: 3 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
'''
DETECTOR = '''
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "fc" type: "Convolution" bottom: "data" top: "fc" convolution_param { num_output: 3 kernel_size: 1 } }
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with networks, labels, mean images and pictures."""
    folder = tmp_path_factory.mktemp('caffe')
    caffe_networks.write(folder, caffe_networks.squeezenet(), 'net')
    weights = {'fc': [0.1 * np.eye(3), np.zeros(3)]}
    caffe_networks.write(folder, (COLOURS, weights), 'colours')
    caffe_networks.write(folder, (COLOURS.split('layer { name: "prob"')[0], weights), 'logits')
    caffe_networks.write(folder, (COLOURS.replace('dim: 3', 'dim: 1'), {'fc': [np.ones((3, 1)), np.arange(3)]}), 'grey')
    caffe_networks.write(folder, (DETECTOR, {'fc': [np.ones((3, 3, 1, 1)), np.zeros(3)]}), 'detector')
    (folder / 'sizeless.prototxt').write_text(COLOURS.replace(COLOURS.strip().splitlines()[0], 'input: "data"'))
    (folder / 'giant.prototxt').write_text(COLOURS.replace('dim: 8 dim: 8', 'dim: 3000000 dim: 3000000'))
    (folder / 'synset_words.txt').write_text('\n'.join(f'n0144076{i} {name}' for i, name in enumerate(NAMES)) + '\n')
    (folder / 'bgr.txt').write_text('blue\ngreen\nred\n')
    caffe.write_mean(folder / 'mean.binaryproto', np.random.default_rng(0).random((3, 80, 80)).astype('f') * 200)
    caffe.write_mean(folder / 'small.binaryproto', np.full((3, 4, 4), 100, np.float32))
    caffe.write_mean(folder / 'grey.binaryproto', np.full((1, 80, 80), 100, np.float32))
    pixels = np.random.default_rng(1).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    Image.fromarray(pixels).resize((80, 80)).save(folder / 'picture.png')
    for colour in 'red', 'green', 'blue':
        Image.new('RGB', (30, 20), colour).save(folder / f'{colour}.bmp')
    (folder / 'broken.png').write_bytes(b'no picture')
    return folder


def answers(process):
    """For each picture its classes and their probabilities."""
    assert process.returncode == 0, process.stderr
    return {path: [(name, float(p)) for name, p in re.findall(r'(?:^|[;,] )(\S.*?) (\d+\.\d)%', line)]
            for path, line in (line.split(': ') for line in process.stdout.splitlines())}


@pytest.mark.parametrize('mean', ['mean.binaryproto', '104,117,123'])
def test_probabilities_are_those_of_opencv(mean, folder):
    """With a mean image of 80 x 80 pixels, of which the network takes the centre, and with numbers."""
    cv2 = pytest.importorskip('cv2')
    process = run('predict', '--caffe', 'net.prototxt', 'net.caffemodel', '--labels', 'synset_words.txt',
                  '--mean', mean, '--top', 7, 'picture.png', cwd=folder)
    with Image.open(folder / 'picture.png') as picture:
        scaled = picture if mean.endswith('proto') else picture.resize((73, 73), Image.Resampling.BILINEAR)
        x = np.asarray(scaled, np.float32)[:, :, ::-1].transpose(2, 0, 1)
    if mean.endswith('proto'):
        x = (x - caffe.read_mean(folder / mean))[:, 8:72, 8:72]
    else:
        x = (x - np.array([104, 117, 123])[:, None, None])[:, 4:68, 4:68]
    network = cv2.dnn.readNetFromCaffe(str(folder / 'net.prototxt'), str(folder / 'net.caffemodel'))
    network.setInput(x[None].astype(np.float32))
    p = network.forward().ravel()
    expected = [(NAMES[i], 100 * p[i]) for i in np.argsort(-p)]
    found = answers(process)['picture.png']
    assert [name for name, _ in found] == [name for name, _ in expected]
    np.testing.assert_allclose([p for _, p in found], [p for _, p in expected], atol=0.06)


def test_colours(folder):
    """Blue comes first, from 0 to 255; a network may end before the softmax."""
    pictures = ['red.bmp', 'green.bmp', 'blue.bmp']
    for name, options in ('colours', []), ('logits', ['--mean', 0]), ('colours', ['--mean', 'small.binaryproto']):
        process = run_here('predict', '--caffe', f'{name}.prototxt', f'{name}.caffemodel', '--labels', 'bgr.txt',
                           *options, *pictures, cwd=folder)
        assert {path: found[0][0] for path, found in answers(process).items()} == {
            path: path.removesuffix('.bmp') for path in pictures}
    process = run_here('predict', '--caffe', 'colours.prototxt', 'colours.caffemodel', '--mean', '0', '--scale', 0.01,
                       '--top', 1, 'red.bmp', cwd=folder)
    p = np.exp(0.255) / (np.exp(0.255) + 2)
    assert process.stdout == f'red.bmp: class 2 {p:.1%}\n'


def test_grey_pictures(folder):
    process = run_here('predict', '--caffe', 'grey.prototxt', 'grey.caffemodel', 'red.bmp', '--top', 1, cwd=folder)
    assert process.stdout.startswith('red.bmp: class 2 ')


def test_pictures_that_cannot_be_read_are_named(folder):
    process = run_here('predict', '--caffe', 'net.prototxt', 'net.caffemodel', 'broken.png', 'picture.png',
                       'nothing.png', cwd=folder)
    errors = process.stderr.splitlines()
    assert process.returncode == 2 and len(errors) == 2
    assert 'broken.png' in errors[0] and 'nothing.png' in errors[1] and process.stdout.startswith('picture.png: class ')


@pytest.mark.parametrize('arguments, words', [
    ([], ['required']),
    (['model.npz'], ['model.npz', 'no such file']),
    (['--caffe', 'net.prototxt'], ['--caffe', '2 arguments']),
    (['--caffe', 'net.prototxt', 'net.caffemodel'], ['required']),
    (['--labels', 'bgr.txt', 'model.npz', 'picture.png'], ['--labels', 'only with --caffe']),
    (['--caffe', 'NET', '--scale', '0', 'picture.png'], ['--scale', '0']),
    (['--caffe', 'NET', '--top', '0', 'picture.png'], ['--top']),
    (['--caffe', 'NET', '--mean', '1,2', 'picture.png'], ['--mean', 'each of 3 channels', '1,2']),
    (['--caffe', 'NET', '--mean', 'inf', 'picture.png'], ['--mean', 'finite']),
    (['--caffe', 'NET', '--mean', 'nothing.binaryproto', 'picture.png'], ['nothing.binaryproto']),
    (['--caffe', 'NET', '--mean', 'net.caffemodel', 'picture.png'], ['net.caffemodel']),
    (['--caffe', 'NET', '--mean', 'grey.binaryproto', 'picture.png'], ['grey.binaryproto', '3 channels', '1']),
    (['--caffe', 'NET', '--labels', 'bgr.txt', 'picture.png'], ['bgr.txt', '7 classes', '3']),
    (['--caffe', 'NET', '--labels', 'nothing.txt', 'picture.png'], ['nothing.txt']),
    (['--caffe', 'NET', '--device', 'cuda:99', 'picture.png'], ['CUDA']),
    (['--caffe', 'nothing.prototxt', 'net.caffemodel', 'picture.png'], ['nothing.prototxt']),
    (['--caffe', 'net.caffemodel', 'net.prototxt', 'picture.png'], ['net.caffemodel', 'expected text']),
    (['--caffe', 'net.prototxt', 'colours.caffemodel', 'picture.png'], ['conv1']),
    (['--caffe', 'sizeless.prototxt', 'colours.caffemodel', 'picture.png'], ['sizeless.prototxt', 'dim: 224']),
    (['--caffe', 'giant.prototxt', 'colours.caffemodel', 'picture.png'], ['giant.prototxt', '4096', '3000000']),
    (['--caffe', 'detector.prototxt', 'detector.caffemodel', 'picture.png'], ['a number for each class', 'fc']),
])
def test_mistakes(arguments, words, folder):
    files = ['net.prototxt', 'net.caffemodel']
    arguments = [word for argument in arguments for word in (files if argument == 'NET' else [argument])]
    expect_one_line(run_here('predict', *arguments, cwd=folder), *words)


def test_help(tmp_path):
    process = run_here('predict', '--help', cwd=tmp_path)
    assert process.returncode == 0 and '--labels' in process.stdout and 'WEIGHTS.caffemodel' in process.stdout
