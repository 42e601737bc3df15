"""What image networks have in common: stages, features, preprocessing, predictions."""
import io

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets, models, serializers
from autograd_nn.models.layers.blocks import StagedChain


class Tiny(models.ImageNetwork):
    """Two convolutions, a head on the side, and a classifier."""

    insize = 24

    def __init__(self, num_classes=5):
        super().__init__()
        self.add_stage('conv1', L.Convolution2D(None, 4, 3, nobias=True), bn1=L.BatchNormalization(4), relu1=F.relu)
        self.add_stage('side', F.tanh, L.Linear(None, 2), branch=True)
        self.add_stage('conv2', L.Convolution2D(4, 6, 3), F.relu)
        self.add_stage('fc3', L.Linear(None, num_classes))


@pytest.fixture
def tiny():
    model = Tiny()
    model(np.random.rand(2, 3, 8, 8).astype('f'))
    model.extract(np.random.rand(2, 3, 8, 8).astype('f'), ['side'])
    return model


@pytest.fixture
def picture():
    return Image.fromarray(np.random.randint(0, 256, (375, 500, 3), dtype=np.uint8))


def test_paths_of_parameters_are_names(tiny):
    assert [path for path, _ in tiny.namedparams()] == [
        '/conv1/W', '/bn1/gamma', '/bn1/beta', '/side/W', '/side/b', '/conv2/W', '/conv2/b', '/fc3/W', '/fc3/b']
    assert tiny.available_layers == ['conv1', 'side', 'conv2', 'fc3', 'prob']


def test_forward_runs_the_stages_in_turn(tiny):
    x = np.random.rand(2, 3, 8, 8).astype('f')
    with ann.using_config('train', False):
        h1 = F.relu(tiny.bn1(tiny.conv1(x)))
        h2 = F.relu(tiny.conv2(h1))
        y = tiny.fc3(h2)
        expected = {'side': tiny.side(F.tanh(h1)), 'conv1': h1, 'fc3': y, 'conv2': h2, 'prob': F.softmax(y)}
        found = tiny.extract(x, list(expected))
        assert list(found) == list(expected)
        for name, h in expected.items():
            np.testing.assert_allclose(found[name].array, h.array, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(tiny(x).array, y.array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('layers, last', [(['conv1'], 'bn1'), (['side'], 'side'), (['side', 'conv2'], 'conv2'),
                                          (['fc3'], 'fc3'), ([], None)])
def test_extract_goes_no_further_than_it_must(tiny, layers, last):
    called = []

    class Watch(ann.LinkHook):
        def forward_preprocess(self, args):
            called.append(args.link.name)

    with Watch():
        tiny.extract(np.zeros((2, 3, 8, 8), 'f'), layers)
    assert called[-1:] == ([] if last is None else [last])
    assert ('side' in called) == ('side' in layers)


def test_extract_names_the_layers_there_are(tiny):
    with pytest.raises(ValueError, match='no layer conv9, fc0; expected some of conv1, side, conv2, fc3, prob'):
        tiny.extract(np.zeros((2, 3, 8, 8), 'f'), ['conv1', 'conv9', 'fc0'])


def test_extract_follows_the_configuration(tiny):
    x = np.random.rand(2, 3, 8, 8).astype('f')
    mean = tiny.bn1.avg_mean.copy()
    F.sum(tiny.extract(x, ['conv2'])['conv2']).backward()
    assert tiny.conv1.W.grad is not None
    assert (tiny.bn1.avg_mean != mean).any()


def test_predict_prepares_pictures_and_leaves_no_trace(picture):
    model = Tiny()
    mean = model.bn1.avg_mean.copy()
    p = model.predict([picture, np.asarray(picture)[:200]])
    assert p.shape == (2, 5) and p.creator_node is None and ann.config.train
    np.testing.assert_allclose(p.array.sum(axis=1), 1, rtol=1e-5)
    assert (model.bn1.avg_mean == mean).all()
    x = np.stack([model.prepare(picture), model.prepare(np.asarray(picture)[:200])])
    assert x.shape == (2, 3, 24, 24)
    np.testing.assert_allclose(model.predict(x).array, p.array, rtol=1e-5)
    # Another size for pictures than the usual one.
    assert Tiny().extract([picture], ['conv1'], size=(20, 10))['conv1'].shape == (1, 4, 18, 8)


def test_a_link_that_is_replaced_is_replaced_in_its_stage(tiny):
    tiny.fc3 = L.Linear(None, 7)
    assert tiny(np.zeros((2, 3, 8, 8), 'f')).shape == (2, 7)


@pytest.mark.parametrize('mode', ['share', 'copy', 'init'])
def test_a_copy_runs_its_own_links(tiny, mode):
    copied = tiny.copy(mode)
    copied.add_stage('more', F.exp)
    copied.conv2.W.array = np.zeros_like(copied.conv2.W.array)
    copied.conv2.b.array = np.zeros_like(copied.conv2.b.array)
    x = np.random.rand(2, 3, 8, 8).astype('f')
    assert not copied.extract(x, ['conv2'])['conv2'].array.any()
    assert tiny.extract(x, ['conv2'])['conv2'].array.any()
    assert 'more' not in tiny.available_layers


def test_names_must_be_free():
    model = StagedChain()
    model.add_stage('a', L.Linear(3, 3))
    with pytest.raises(ValueError, match="a stage 'a' already"):
        model.add_stage('a', F.relu)
    with pytest.raises(AttributeError, match="attribute 'a'"):
        model.add_stage('b', a=L.Linear(3, 3))
    with pytest.raises(AttributeError, match="attribute 'c'"):
        model.add_stage('c', L.Linear(3, 3), L.Linear(3, 3))


def test_weights_are_saved_and_loaded_under_these_names(tiny):
    file = io.BytesIO()
    serializers.save_npz(file, tiny)
    file.seek(0)
    fresh = Tiny()
    serializers.load_npz(file, fresh)
    x = np.random.rand(2, 3, 8, 8).astype('f')
    np.testing.assert_allclose(fresh.predict(x).array, tiny.predict(x).array, rtol=1e-6)


def test_caffe_preprocessing(picture):
    expected = np.empty((3, 224, 224))
    pixels = np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR), np.float64)
    for channel, source, mean in (0, 2, 103.939), (1, 1, 116.779), (2, 0, 123.68):
        expected[channel] = pixels[:, :, source] - mean
    prepared = models.VGG().prepare(picture)
    assert prepared.dtype == np.float32 and prepared.flags.c_contiguous
    np.testing.assert_allclose(prepared, expected, atol=1e-5)


def test_torchvision_preprocessing(picture):
    """The shorter side becomes 256, the centre of 224 x 224 is cut out."""
    scaled = picture.resize((341, 256), Image.Resampling.BILINEAR)
    pixels = np.asarray(scaled, np.float64)[16:240, 58:282] / 255
    expected = ((pixels - [.485, .456, .406]) / [.229, .224, .225]).transpose(2, 0, 1)
    np.testing.assert_allclose(models.TORCHVISION(picture, 224), expected, atol=1e-5)
    upright = picture.transpose(Image.Transpose.ROTATE_90)
    pixels = np.asarray(upright.resize((256, 341), Image.Resampling.BILINEAR), np.float64)[58:282, 16:240] / 255
    expected = ((pixels - [.485, .456, .406]) / [.229, .224, .225]).transpose(2, 0, 1)
    np.testing.assert_allclose(models.TORCHVISION(upright, 224), expected, atol=1e-5)


@pytest.mark.parametrize('shape', [(10, 300), (300, 10), (1, 1), (224, 224), (257, 255)])
@pytest.mark.parametrize('size', [(30, 40), 7])
@pytest.mark.parametrize('crop', [None, 0.875, 1.])
def test_any_picture_becomes_the_wanted_size(shape, size, crop):
    image = np.full((*shape, 3), (0, 128, 255), np.uint8)
    prepared = models.Preprocessing(brightest=255., crop=crop)(image, size)
    assert prepared.shape == (3, *((size, size) if isinstance(size, int) else size))
    assert (prepared == np.reshape([0, 128, 255], (3, 1, 1))).all(), 'nothing comes in from outside'


def test_kinds_of_pictures(picture, tmp_path):
    """A path, an object of Pillow, and arrays with the channels last or first are the same picture."""
    prepare = models.AlexNet().prepare
    expected = prepare(picture)
    picture.save(tmp_path / 'picture.png')
    pixels = np.asarray(picture)
    for same in tmp_path / 'picture.png', str(tmp_path / 'picture.png'), pixels, pixels.transpose(2, 0, 1):
        np.testing.assert_array_equal(prepare(same), expected)
    grey = prepare(picture.convert('L'))
    assert not np.allclose(grey, expected)
    pixels = np.asarray(picture.convert('L'))
    for same in pixels, pixels[None], np.stack([pixels] * 3, axis=2):
        np.testing.assert_array_equal(prepare(same), grey)


@pytest.mark.parametrize('make', [Tiny, models.LeNet, lambda: L.GoogLeNet(None)])
def test_pictures_that_pillow_has_opened_are_those_of_their_files(make, tmp_path):
    """Turned by a camera, transparent, of 16 bits, and as narrow as an array that has channels at its end."""
    model = make()
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = np.random.default_rng(0).integers(0, 256, (40, 30)).astype(np.uint8)
    Image.fromarray(np.dstack([grey] * 4)).save(tmp_path / 'transparent.png')
    Image.fromarray(grey).save(tmp_path / 'turned.jpg', exif=exif)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / '16.png', exif=exif)
    Image.fromarray(grey / np.float32(255)).save(tmp_path / 'float.tif')
    Image.fromarray(grey[:, :3]).save(tmp_path / 'narrow.png')
    Image.fromarray(np.rot90(grey, -1)).save(tmp_path / 'plain.png')
    for path in tmp_path.iterdir():
        with Image.open(path) as opened:
            np.testing.assert_array_equal(model.prepare(opened), model.prepare(path), err_msg=path.name)
            assert opened.getexif() == Image.open(path).getexif()
    np.testing.assert_array_equal(model.prepare(tmp_path / '16.png'), model.prepare(tmp_path / 'plain.png'))
    assert (model.preprocessing.fit(tmp_path / 'narrow.png', (40, 3)) == grey[:, :3]).all()


def test_one_picture_is_no_list_of_pictures(picture, tmp_path):
    picture.save(tmp_path / 'a.png')
    for model in Tiny(), L.GoogLeNet(None):
        for one in picture, str(tmp_path / 'a.png'), tmp_path / 'a.png':
            with pytest.raises(TypeError, match=r'expected a list of pictures, such as \[picture\]; got one'):
                model.predict(one)
        with pytest.raises(ValueError, match='expected at least one picture, got none'):
            model.extract([], ['conv1'])


def test_what_is_no_picture_is_named(tmp_path):
    prepare = models.AlexNet().prepare
    with pytest.raises(TypeError, match='array of uint8; got an array of float32'):
        prepare(np.zeros((3, 9, 9), np.float32))
    with pytest.raises(TypeError, match='got list'):
        prepare([[1]])
    with pytest.raises(ValueError, match=r'got \(2, 9, 9\)'):
        prepare(np.zeros((2, 9, 9), np.uint8))
    (tmp_path / 'broken.png').write_bytes(b'no picture')
    with pytest.raises(OSError, match=r'broken\.png'):
        prepare(tmp_path / 'broken.png')


def test_data_sets_are_normalised_like_pictures(picture):
    """`normalize` takes what data sets hold: values from 0 to 1, in batches."""
    for preprocessing in models.CAFFE, models.TORCHVISION:
        expected = preprocessing(picture, 96)
        plain = models.Preprocessing(brightest=1., crop=preprocessing.crop)(picture, 96)
        np.testing.assert_allclose(preprocessing.normalize(plain[None])[0], expected, atol=1e-4)
        grey = np.full((2, 1, 3, 4), 0.4, np.float32)
        assert preprocessing.normalize(grey).shape == grey.shape
        np.testing.assert_allclose(preprocessing.normalize(grey), (preprocessing.brightest * 0.4 - np.mean(
            preprocessing.mean)) / np.mean(preprocessing.std), rtol=1e-5)


def test_digits_are_made_like_those_of_mnist():
    paper = np.full((90, 60, 3), 240, np.uint8)
    paper[20:70, 28:33] = 30
    model = models.LeNet()
    digit = model.prepare(Image.fromarray(paper))
    np.testing.assert_array_equal(digit, datasets.prepare_digit(np.asarray(Image.fromarray(paper).convert('L'))[None]))
    assert model.prepare(paper, size=14).shape == (1, 14, 14)
    assert model.predict([paper, paper]).shape == (2, 10)
    assert model.preprocessing(paper, 28)[0, 0, 0] == pytest.approx(240 / 255)


@pytest.mark.parametrize('name, heads', [('lenet', 0), ('googlenet', 2)])
def test_label_smoothing(name, heads):
    """The cross entropy with labels of which a part is spread over all classes; none of it in tests."""
    network = models.create(name, num_classes=3)
    network.label_smoothing = 0.3
    logits = np.random.default_rng(0).normal(0, 2, (1 + heads, 4, 3))
    labels = np.array([0, 2, 1, 2])
    y, *network.auxiliary = (ann.Variable(each.astype(np.float32)) for each in logits)
    log_p = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    smooth = -((0.7 * np.eye(3)[labels] + 0.1) * log_p).sum(axis=2).mean(axis=1)
    assert network.lossfun(y, labels).item() == pytest.approx(smooth[0] + 0.3 * smooth[1:].sum(), rel=1e-5)
    network.auxiliary = []
    with ann.using_config('train', False):
        assert network.lossfun(y, labels).item() == pytest.approx(-log_p[0, range(4), labels].mean(), rel=1e-5)
