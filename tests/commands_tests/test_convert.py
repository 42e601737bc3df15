"""The program that converts weights of Caffe, run as a person runs it."""
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import caffe, models, serializers
from support.caffe import networks as caffe_networks
from support.programs import expect_one_line, run, run_here


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with some networks and their weights."""
    folder = tmp_path_factory.mktemp('caffe')
    for name, network in {'squeezenet': caffe_networks.squeezenet(), 'googlenet': caffe_networks.googlenet(64),
                          'resnet50': caffe_networks.resnet(), 'caffenet': caffe_networks.alexnet(reference=True),
                          'grey': ('input: "data" input_shape { dim: 1 dim: 1 dim: 4 dim: 4 }\n'
                                   'layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" '
                                   'inner_product_param { num_output: 2 } }',
                                   {'f': [np.ones((2, 16)), np.zeros(2)]})}.items():
        caffe_networks.write(folder, network, name)
    text = (folder / 'squeezenet.prototxt').read_text()
    (folder / 'giant.prototxt').write_text(text.replace('dim: 64 dim: 64', 'dim: 3000000 dim: 3000000'))
    whole = (folder / 'squeezenet.caffemodel').read_bytes()
    (folder / 'cut.caffemodel').write_bytes(whole[:len(whole) // 2])
    (folder / 'text.caffemodel').write_text('hello')
    (folder / 'empty.caffemodel').write_bytes(b'')
    return folder


def outputs(network, size=64):
    x = network.preprocessing.normalize(np.random.default_rng(1).random((1, 3, size, size)).astype('f'))
    with ann.using_config('train', False), ann.no_backprop_mode():
        return network(x).array


@pytest.mark.slow
@pytest.mark.parametrize('name, to, options', [
    ('squeezenet', 'squeezenet1_1', []), ('googlenet', 'googlenet', ['--prototxt', 'googlenet.prototxt']),
    ('resnet50', 'resnet50', ['--prototxt', 'resnet50.prototxt'])])
def test_conversion_for_the_zoo(name, to, options, folder, tmp_path):
    out = tmp_path / 'converted.npz'
    process = run('convert_caffe', f'{name}.caffemodel', out, '--to', to, *options, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert 'what both compute from a picture of 64 x 64 differs by' in process.stdout
    assert f"models.create('{to}', num_classes=7)" in process.stdout and str(out) in process.stdout
    network = models.create(to, num_classes=7)
    serializers.load_npz(out, network)
    cv2 = pytest.importorskip('cv2')
    reference = cv2.dnn.readNetFromCaffe(str(folder / f'{name}.prototxt'), str(folder / f'{name}.caffemodel'))
    picture = np.random.default_rng(1).random((1, 3, 64, 64)).astype('f')
    mean = np.array(network.preprocessing.mean if name != 'squeezenet' else (104, 117, 123), 'f')
    reference.setInput(picture[:, ::-1] * 255 - mean[:, None, None])
    np.testing.assert_allclose(outputs(network), reference.forward(reference.getLayerNames()[-2]).reshape(1, 7),
                               rtol=1e-3, atol=1e-4)


def test_layers_that_only_their_authors_have(tmp_path):
    """Squeeze and excitation; the program itself compares what both networks compute."""
    caffe_networks.write(tmp_path, caffe_networks.se_resnet())
    process = run_here('convert', 'net.caffemodel', 'out.safetensors', '--to', 'se_resnet50', '--prototxt',
                       'net.prototxt', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'differs by' in process.stdout and (tmp_path / 'out.safetensors').exists()


def test_table_of_blobs_and_conversion_as_it_is(folder, tmp_path):
    for options, out in ([], 'plain.npz'), (['--prototxt', 'squeezenet.prototxt'], 'plain.safetensors'):
        process = run_here('convert', 'squeezenet.caffemodel', tmp_path / out, *options, cwd=folder)
        assert process.returncode == 0, process.stderr
        lines = process.stdout.splitlines()
        assert lines[0].split() == ['layer', 'type', 'blobs', 'numbers']
        assert lines[1].split() == ['conv1', 'Convolution', '64x3x3x3,', '64', '1,792']
        assert lines[27].split() == ['26', 'layers', '726,087'] and len({len(line) for line in lines[:28]}) == 1
        assert str(tmp_path / out) in lines[28]
    blobs = caffe_networks.squeezenet()[1]
    networks = caffe.load(folder / 'squeezenet.prototxt'), caffe.CaffeFunction(folder / 'squeezenet.caffemodel')
    for network in networks:
        serializers.load_npz(tmp_path / 'plain.npz', network)
        serializers.load_safetensors(tmp_path / 'plain.safetensors', network)
        np.testing.assert_array_equal(network['fire2/squeeze1x1'].W.array, blobs['fire2/squeeze1x1'][0])


def test_weights_in_hdf5(folder, tmp_path):
    h5py = pytest.importorskip('h5py')
    with h5py.File(tmp_path / 'net.caffemodel.h5', 'w') as h5:
        for name, arrays in caffe_networks.squeezenet()[1].items():
            for i, array in enumerate(arrays):
                h5[f'data/{name}/{i}'] = array
    process = run_here('convert', tmp_path / 'net.caffemodel.h5', tmp_path / 'out.npz', '--prototxt',
                       'squeezenet.prototxt', '--to', 'squeezenet1_1', cwd=folder)
    assert process.returncode == 0, process.stderr
    assert 'differs by' in process.stdout and '26 layers' in process.stdout and (tmp_path / 'out.npz').exists()


@pytest.mark.parametrize('arguments, words', [
    ([], ['required', 'IN.caffemodel']),
    (['squeezenet.caffemodel'], ['required', 'OUT']),
    (['--nonsense', 'a.caffemodel', 'b.npz'], ['--nonsense']),
    (['squeezenet.caffemodel', 'out.h5'], ['.npz or .safetensors', 'out.h5']),
    (['squeezenet.caffemodel', 'nowhere/out.npz'], ['no folder nowhere']),
    (['squeezenet.caffemodel', 'out.npz', '--to', 'mlp'], ['--to', 'mlp', 'vgg16']),
    (['nothing.caffemodel', 'out.npz'], ['nothing.caffemodel']),
    (['cut.caffemodel', 'out.npz'], ['cut.caffemodel', 'truncated']),
    (['text.caffemodel', 'out.npz'], ['text.caffemodel']),
    (['empty.caffemodel', 'out.npz'], ['empty.caffemodel']),
    (['squeezenet.prototxt', 'out.npz'], ['squeezenet.prototxt', 'text']),
    (['net.caffemodel.h5', 'out.npz'], ['net.caffemodel.h5', 'expected --prototxt']),
    (['squeezenet.caffemodel', 'out.npz', '--prototxt', 'nothing.prototxt'], ['nothing.prototxt']),
    (['squeezenet.caffemodel', 'out.npz', '--prototxt', 'squeezenet.caffemodel'], ['expected text']),
    (['squeezenet.caffemodel', 'out.npz', '--prototxt', 'googlenet.prototxt'], ['conv1/7x7_s2']),
    (['squeezenet.caffemodel', 'out.npz', '--to', 'squeezenet1_0'], ['conv1', '(64, 3, 3, 3)', '(96, 3, 7, 7)']),
    (['squeezenet.caffemodel', 'out.npz', '--to', 'squeezenet1_1', '--prototxt', 'giant.prototxt'], ['4096']),
    (['resnet50.caffemodel', 'out.npz', '--to', 'resnet101'],
     ['of another network than resnet101', 'no layers res3b1_branch2a', 'further layers res3b_branch2a']),
    (['grey.caffemodel', 'out.npz', '--to', 'vgg16'], ['no layers conv1_1']),
    (['caffenet.caffemodel', 'out.npz', '--to', 'alexnet'], ['alexnet does not compute', 'variant']),
])
def test_mistakes(arguments, words, folder):
    expect_one_line(run_here('convert', *arguments, cwd=folder), *words)
    assert not list(folder.glob('out*')) and not list(folder.glob('.out*')), 'nothing is written'


def test_help(tmp_path):
    process = run_here('convert', '--help', cwd=tmp_path)
    assert process.returncode == 0 and '--prototxt' in process.stdout and 'squeezenet1_1' in process.stdout


def test_missing_library(tmp_path, monkeypatch):
    (tmp_path / 'google').mkdir()
    (tmp_path / 'google' / '__init__.py').touch()
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    expect_one_line(run('convert_caffe', 'a.caffemodel', 'b.npz', cwd=tmp_path), 'pip install', 'autograd_nn[caffe]')
    expect_one_line(run('predict', '--caffe', 'a', 'b', 'c.png', cwd=tmp_path), 'pip install', 'autograd_nn[caffe]')
