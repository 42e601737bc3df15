"""Chainer's pretrained networks: their paths, their files, and how they are called."""
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import dataset, models, serializers
from autograd_nn import links as L
from autograd_nn.links.model.vision import resnet
from support.caffe import networks as caffe_networks

# Names of convolutions and fully connected layers in Chainer's classes.
VGG16 = [*(f'conv{i}_{j}' for i in range(1, 6) for j in range(1, 3 if i < 3 else 4)), 'fc6', 'fc7', 'fc8']
VGG19 = [*VGG16, 'conv3_4', 'conv4_4', 'conv5_4']
GOOGLENET = ['conv1', 'conv2_reduce', 'conv2', 'loss3_fc', 'loss1_conv', 'loss1_fc1', 'loss1_fc2', 'loss2_conv',
             'loss2_fc1', 'loss2_fc2', *(f'inc{module}/{part}'
                                         for module in ('3a', '3b', '4a', '4b', '4c', '4d', '4e', '5a', '5b')
                                         for part in ('conv1', 'proj3', 'conv3', 'proj5', 'conv5', 'projp'))]
# The numbers of blocks of the stages res2 to res5: one "a", and the others "b1", "b2" and so on.
RESNETS = {'ResNet50Layers': (3, 4, 6, 3), 'ResNet101Layers': (3, 4, 23, 3), 'ResNet152Layers': (3, 8, 36, 3)}
VGG_LAYERS = 'conv1_1 conv1_2 pool1 conv2_1 conv2_2 pool2 conv3_1 conv3_2 conv3_3 {}pool3 conv4_1 conv4_2 conv4_3 ' \
             '{}pool4 conv5_1 conv5_2 conv5_3 {}pool5 fc6 fc7 fc8 prob'
LAYERS = {
    'VGG16Layers': VGG_LAYERS.format('', '', ''),
    'VGG19Layers': VGG_LAYERS.format('conv3_4 ', 'conv4_4 ', 'conv5_4 '),
    'GoogLeNet': 'conv1 pool1 conv2_reduce conv2 pool2 inception_3a inception_3b pool3 inception_4a inception_4b '
                 'inception_4c inception_4d inception_4e pool4 inception_5a inception_5b pool5 loss3_fc prob loss1_fc2 '
                 'loss2_fc2',
    **dict.fromkeys(RESNETS, 'conv1 pool1 res2 res3 res4 res5 pool5 fc6 prob'),
}


def resnet_paths(depths):
    def bn(path):
        return [f'{path}/{name}' for name in ('gamma', 'beta', 'avg_mean', 'avg_var', 'N')]

    paths = ['conv1/W', 'conv1/b', *bn('bn1'), 'fc6/W', 'fc6/b']
    for stage, depth in enumerate(depths, start=2):
        for block in ['a', *(f'b{i}' for i in range(1, depth))]:
            for i in range(1, 5 if block == 'a' else 4):
                paths += [f'res{stage}/{block}/conv{i}/W', *bn(f'res{stage}/{block}/bn{i}')]
    return paths


def with_biases(names):
    return [f'{name}/{param}' for name in names for param in 'Wb']


PATHS = {'VGG16Layers': with_biases(VGG16), 'VGG19Layers': with_biases(VGG19), 'GoogLeNet': with_biases(GOOGLENET),
         **{name: resnet_paths(depths) for name, depths in RESNETS.items()}}


def arrays_of(model):
    serializer = serializers.DictionarySerializer()
    serializer.save(model)
    return serializer.target


@pytest.mark.parametrize('name', PATHS)
def test_paths_and_layers(name):
    model = getattr(L, name)(pretrained_model=None)
    assert sorted(arrays_of(model)) == sorted(PATHS[name])
    assert model.available_layers == list(model.functions) == LAYERS[name].split()
    assert all(callable(layer) for layers in model.functions.values() for layer in layers)


def small_weights():
    """Arrays of Chainer's names, for 32 x 32 pixels."""
    random, channels, arrays = np.random.default_rng(0), 3, {}
    for name in VGG16:
        out = min(32 << int(name[4]), 512) if name.startswith('conv') else 1000 if name == 'fc8' else 4096
        shape = (out, channels, 3, 3) if name.startswith('conv') else (out, channels)
        arrays[f'{name}/W'] = (random.random(shape, np.float32) - 0.5) * np.float32((24 / np.prod(shape[1:])) ** 0.5)
        arrays[f'{name}/b'] = random.random(out, np.float32) - np.float32(0.5)
        channels = out
    arrays['conv1_1/W'] /= 64
    return arrays


def test_file_of_chainer(tmp_path):
    path = tmp_path / 'VGG_ILSVRC_16_layers.npz'
    arrays = small_weights()
    np.savez(path, **arrays)
    x = np.random.uniform(-100, 100, (2, 3, 32, 32)).astype('f')
    h, expected = x, {}
    for name in VGG16[:-3]:
        if name.endswith('_1') and name != 'conv1_1':
            h = F.max_pooling_2d(h, 2)
        h = F.relu(F.convolution_2d(h, arrays[f'{name}/W'], arrays[f'{name}/b'], pad=1))
        expected[name] = h.array
    h = F.max_pooling_2d(h, 2)
    for name in 'fc6', 'fc7', 'fc8':
        h = F.linear(h if name == 'fc6' else F.relu(h), arrays[f'{name}/W'], arrays[f'{name}/b'])
    with ann.using_config('train', False), ann.no_backprop_mode():
        model = L.VGG16Layers(str(path))
        found = model(x, layers=['conv3_3', 'fc8'])
        np.testing.assert_allclose(found['conv3_3'].array, expected['conv3_3'], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found['fc8'].array, h.array, rtol=1e-4, atol=1e-4)
        assert list(model(x)) == ['prob']
        np.testing.assert_allclose(model(x)['prob'].array, F.softmax(h).array, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('suffix', ['.npz', '.caffemodel'])
def test_weights_in_the_directory_of_data_sets(suffix, tmp_path, monkeypatch):
    """The published file has its place there, and so has what is made of it."""
    monkeypatch.setattr(dataset.download, '_dataset_root', str(tmp_path))
    folder = tmp_path / 'pfnet' / 'chainer' / 'models'
    with pytest.raises(FileNotFoundError) as caught:
        L.GoogLeNet()
    for word in 'GoogLeNet', 'bvlc_googlenet.caffemodel', 'bvlc_googlenet.npz', str(folder), 'https://':
        assert word in str(caught.value)
    folder.mkdir(parents=True)
    _, published = caffe_networks.write(folder, caffe_networks.googlenet(224, 1000, heads=True), 'bvlc_googlenet')
    direct = L.GoogLeNet()
    L.GoogLeNet.convert_caffemodel_to_npz(published, folder / 'bvlc_googlenet.npz')
    if suffix == '.npz':
        published.unlink()
    picture = np.random.randint(0, 256, (50, 60, 3), np.uint8)
    with ann.using_config('train', False), ann.no_backprop_mode():
        expected, found = (model.extract([picture], ['pool5', 'loss3_fc', 'loss1_fc2']) for model in
                           (direct, L.GoogLeNet('auto')))
    for name, y in expected.items():
        np.testing.assert_array_equal(found[name].array, y.array)
    assert found['pool5'].shape == (1, 1024, 1, 1)


def test_residual_network_and_the_zoo(tmp_path):
    """The link has the bias of the published network; the zoo's has it in the mean that is subtracted behind it."""
    path = tmp_path / 'ResNet-50-model.caffemodel'
    caffe_networks.write(tmp_path, caffe_networks.resnet(50, classes=1000), 'ResNet-50-model')
    npz = tmp_path / 'ResNet-50-model.npz'
    L.ResNet50Layers.convert_caffemodel_to_npz(path, npz)
    link, zoo = L.ResNet50Layers(npz), models.create('resnet50')
    serializers.load_npz(npz, zoo)
    assert link.conv1.b.array.any()
    x = np.random.uniform(-100, 100, (1, 3, 64, 64)).astype('f')
    with ann.using_config('train', False), ann.no_backprop_mode():
        np.testing.assert_allclose(link(x, layers=['fc6'])['fc6'].array, zoo(x).array, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match=r'of another network than resnet101: it has no layers res3b1_branch2a'):
        L.ResNet101Layers(path)


def test_strides_of_facebooks_networks():
    link = L.ResNet50Layers(None, downsample_fb=True)
    assert link.res3.a.conv1.stride == (1, 1) and link.res3.a.conv2.stride == (2, 2)
    assert link.prepare(np.zeros((9, 9, 3), np.uint8))[0, 0, 0] == pytest.approx(-103.063), 'as in Chainer'


def bottleneck(link, x, strides, shortcut):
    """The formula, with the statistics of the batch."""
    h = x
    for i, stride in enumerate((*strides, 1), start=1):
        conv, bn = link[f'conv{i}'], link[f'bn{i}']
        h = F.convolution_2d(h, conv.W, None, stride, int(i == 2))
        h = F.batch_normalization(h, bn.gamma, bn.beta)
        h = F.relu(h) if i < 3 else h
    if shortcut is not None:
        x = F.batch_normalization(F.convolution_2d(x, link.conv4.W, None, shortcut), link.bn4.gamma, link.bn4.beta)
    return F.relu(h + x)


@pytest.mark.parametrize('fb', [False, True])
@pytest.mark.parametrize('in_channels, out_channels, stride', [(4, 6, 2), (4, 4, 1), (None, 5, (2, 1))])
def test_building_block(in_channels, out_channels, stride, fb):
    block = resnet.BuildingBlock(3, in_channels, 3, out_channels, stride, downsample_fb=fb)
    assert all(link.W.is_initialized for link in block.links() if hasattr(link, 'W')) == (in_channels is not None)
    x = np.random.randn(2, 4, 7, 8).astype('f')
    y = block(x)
    h = bottleneck(block.a, x, (1, stride) if fb else (stride, 1), stride)
    for link in block.b1, block.b2:
        h = bottleneck(link, h, (1, 1), None)
    np.testing.assert_allclose(y.array, h.array, rtol=1e-3, atol=1e-3)
    numbers = {'a': (1, 2, 3, 4), 'b1': (1, 2, 3), 'b2': (1, 2, 3)}
    assert [path for path, _ in block.namedparams()] == [
        f'/{name}/{path}' for name, counts in numbers.items() for i in counts
        for path in (f'conv{i}/W', f'bn{i}/gamma', f'bn{i}/beta')]


def test_building_blocks_with_weights():
    block = resnet.BuildingBlock(2, 3, 2, 8, 1, initialW=0.5)
    assert {link.W.array.max() for link in block.links() if hasattr(link, 'W')} == {0.5}
    network = L.ResNet50Layers(None)
    block = resnet.BuildingBlock(3, 64, 64, 256, 1)
    network(np.zeros((1, 3, 32, 32), 'f'))
    block.copyparams(network.res2)
    with ann.using_config('train', False):
        x = np.random.randn(1, 64, 5, 5).astype('f')
        np.testing.assert_allclose(block(x).array, network.res2(x).array, rtol=1e-4, atol=1e-5)


def test_old_argument_of_building_blocks():
    with pytest.warns(DeprecationWarning, match='use n_layers'):
        block = resnet.BuildingBlock(n_layer=2, in_channels=3, mid_channels=2, out_channels=4, stride=1)
    assert [link.name for link in block.children()] == ['a', 'b1']
    with pytest.raises(TypeError, match='expected n_layers, mid_channels, out_channels and stride'):
        resnet.BuildingBlock(3)


@pytest.fixture(scope='module')
def googlenet():
    return L.GoogLeNet(None)


def test_pictures(googlenet):
    """Red, green and blue in, width before height, as in Chainer."""
    pixels = np.random.randint(0, 256, (20, 30, 3), np.uint8)
    prepare = L.model.vision.googlenet.prepare
    expected = pixels[:, :, ::-1].transpose(2, 0, 1).astype('f') - np.array([104, 117, 123], 'f')[:, None, None]
    for picture in pixels, Image.fromarray(pixels), pixels.transpose(2, 0, 1), pixels.astype(np.float64):
        np.testing.assert_allclose(prepare(picture, size=None), expected)
    for grey in pixels[:, :, 0], pixels[None, :, :, 0]:
        assert prepare(grey, (10, 7)).shape == (3, 7, 10)
    assert prepare(pixels).shape == (3, 224, 224)
    with ann.using_config('train', False), ann.no_backprop_mode():
        y = googlenet.extract([pixels, pixels[:, ::-1]], layers=['pool2'], size=(96, 80))['pool2']
        np.testing.assert_array_equal(y.array[:1], googlenet(prepare(pixels, (96, 80))[None], ['pool2'])['pool2'].array)
    assert y.shape == (2, 192, 10, 12)


def test_average_over_ten_sections(googlenet):
    picture = np.random.randint(0, 256, (256, 256, 3), np.uint8)
    sections = [picture[top:top + 224, left:left + 224] for top, left in ((0, 0), (0, 32), (32, 0), (32, 32), (16, 16))]
    with ann.using_config('train', False), ann.no_backprop_mode():
        expected = googlenet.extract([*sections, *(section[:, ::-1] for section in sections)], ['prob'])['prob'].array
    average = googlenet.predict([picture])
    np.testing.assert_allclose(average.array, expected.mean(axis=0, keepdims=True), rtol=1e-4, atol=1e-7)
    centre = googlenet.predict(iter([picture, picture]), oversample=False)
    np.testing.assert_allclose(centre.array, expected[[4, 4]], rtol=1e-4, atol=1e-7)
    assert average.creator is None and ann.config.train


def test_mistakes(googlenet, tmp_path):
    with pytest.raises(ValueError, match='GoogLeNet has no layer conv9; expected some of conv1'):
        googlenet(np.zeros((1, 3, 224, 224), 'f'), layers=['conv9'])
    with pytest.raises(ValueError, match='expected at least one picture, got none'):
        googlenet.predict([])
    with pytest.raises(ValueError, match='expected n_layers of 16 or 19, got 13'):
        L.model.vision.vgg.VGGLayers(None, 13)
    with pytest.raises(ValueError, match='expected n_layers of 50, 101 or 152, got 18'):
        L.model.vision.resnet.ResNetLayers(None, 18)
    with pytest.raises(FileNotFoundError, match=r'nothing\.npz'):
        L.VGG16Layers(tmp_path / 'nothing.npz')
    with pytest.raises(FileNotFoundError, match=r'nothing\.caffemodel'):
        L.VGG16Layers(tmp_path / 'nothing.caffemodel')
    np.savez(tmp_path / 'other.npz', W=np.zeros(3))
    with pytest.raises(KeyError, match='conv1_1/W'):
        L.VGG19Layers(tmp_path / 'other.npz')


def test_names_where_programs_look_for_them():
    code = '''if True:
        import sys
        import autograd_nn as chainer
        import autograd_nn.links as L
        assert 'autograd_nn.models' not in sys.modules, 'nothing is loaded before it is used'
        assert 'VGG16Layers' in dir(L) and not hasattr(L, 'VGG17Layers')
        from autograd_nn.links.model.vision import resnet
        from autograd_nn.links.model.vision.vgg import prepare
        import autograd_nn.links.model.vision.googlenet as googlenet
        from autograd_nn.links import VGG16Layers
        assert VGG16Layers is L.VGG16Layers is chainer.links.model.vision.vgg.VGG16Layers
        assert resnet.BottleneckB.__name__ == 'BottleneckB' and not hasattr(L, 'BuildingBlock')
        assert resnet.ResNet50Layers is L.ResNet50Layers and googlenet.GoogLeNet is L.GoogLeNet
        assert L.GoogLeNet is not chainer.models.GoogLeNet
        assert 'google.protobuf' not in sys.modules, 'which is needed for the files of Caffe only'
    '''
    subprocess.run([sys.executable, '-c', code], check=True, timeout=120)
