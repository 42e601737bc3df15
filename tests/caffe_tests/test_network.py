"""Whole networks: which layers run, on what, with which weights, and what errors say."""
import copy
import gc
import io
import warnings
import weakref

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import caffe, optimizers, serializers
from support.caffe.layer_checks import load, random, write

TWO = '''name: "two" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "drop1" type: "Dropout" bottom: "conv1" top: "conv1" }
layer { name: "fc2" type: "InnerProduct" bottom: "conv1" top: "fc2"
        inner_product_param { num_output: 5 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }'''


def two_blobs():
    return {'conv1': [random(4, 3, 3, 3), random(4)], 'fc2': [random(5, 144), random(5)]}


def conv(x, W, b):
    return F.convolution_2d(x, W, b).array


def test_what_a_network_says_of_itself():
    net = load(TWO)
    assert (net.inputs, net.outputs, net.input_shapes) == (['data'], ['prob'], {'data': (1, 3, 8, 8)})
    assert net.blob_names == ['data', 'conv1', 'fc2', 'prob']
    assert net.layer_types['drop1'] == 'Dropout'
    assert [path for path, _ in net.namedparams()] == ['/conv1/W', '/conv1/b', '/fc2/W', '/fc2/b']
    assert isinstance(net.conv1, L.Convolution2D) and net['fc2'] is net.fc2


def test_outputs_and_layers_that_work_in_place():
    blobs, x = two_blobs(), random(2, 3, 8, 8)
    net = load(TWO, blobs)
    raw = conv(x, *blobs['conv1'])
    np.testing.assert_allclose(net(x, 'conv1').array, np.maximum(raw, 0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(net(x, 'relu1').array, np.maximum(raw, 0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(net(x, 'conv1', end='conv1').array, raw, rtol=1e-5, atol=1e-5)
    prob, data = net({'data': x}, ['prob', 'data'])
    assert data.array is x
    np.testing.assert_allclose(prob.array.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(net(x).array, prob.array)
    assert set(net.extract(x, ['conv1', 'fc2'])) == {'conv1', 'fc2'}


def test_it_starts_from_any_blob():
    blobs, h = two_blobs(), random(2, 144)
    net = load(TWO, blobs)
    np.testing.assert_allclose(net({'fc2': h[:, :5]}, 'prob').array, F.softmax(h[:, :5]).array, rtol=1e-6)


def test_the_phase_decides_on_dropout():
    blobs, x = two_blobs(), random(2, 3, 8, 8)
    test, train = load(TWO, blobs), load(TWO, blobs, phase='TRAIN')
    expected = np.maximum(conv(x, *blobs['conv1']), 0)
    np.testing.assert_allclose(test(x, 'conv1').array, expected, rtol=1e-5, atol=1e-5)
    assert (train(x, 'conv1').array != test(x, 'conv1').array).any()
    with ann.using_config('train', False):
        np.testing.assert_allclose(train(x, 'conv1').array, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="expected phase 'TEST' or 'TRAIN', got 'test'"):
        load(TWO, phase='test')


RULES = '''state { level: 2 stage: "deploy" }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } }
layer { name: "data" type: "Input" top: "data" include { phase: TEST } }
layer { name: "a" type: "Power" bottom: "data" top: "a" exclude { phase: TEST } power_param { scale: 2 } }
layer { name: "b" type: "Power" bottom: "data" top: "b" include { stage: "deploy" min_level: 1 max_level: 2 } }
layer { name: "c" type: "Power" bottom: "data" top: "c" include { min_level: 3 } include { not_stage: "deploy" } }
layer { name: "d" type: "Power" bottom: "data" top: "d" include { phase: TRAIN } include { stage: "deploy" } }
layer { name: "loss" type: "EuclideanLoss" bottom: "data" bottom: "label" top: "loss" include { phase: TRAIN } }'''


def test_rules_for_including_layers():
    assert list(load(RULES).layer_types) == ['b', 'd']
    train = load(RULES, phase='TRAIN')
    assert list(train.layer_types) == ['a', 'b', 'd', 'loss']
    assert train.inputs == ['data', 'label']
    assert train.outputs == ['a', 'b', 'd', 'loss']
    # Without labels there is no loss.
    assert len(train(random(2, 3))) == 3
    with pytest.raises(ValueError, match="expected the inputs 'label', too, to compute 'loss'"):
        train(random(2, 3), 'loss')


SIAMESE = '''input: "x" input: "z"
layer { name: "left" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" } param { name: "b" }
        inner_product_param { num_output: 2 } }
layer { name: "right" type: "InnerProduct" bottom: "z" top: "c" param { name: "w" } param { name: "b" }
        inner_product_param { num_output: 2 } }'''


def test_shared_parameters():
    W, b = random(2, 3), random(2)
    net = load(SIAMESE, {'left': [W, b], 'right': [W, b]})
    assert net.left.W is net.right.W and net.left.b is net.right.b
    assert len(list(net.params())) == 2
    a, c = net({'x': random(1, 3), 'z': random(1, 3)})
    F.sum(a + c).backward()
    np.testing.assert_array_equal(net.left.b.grad, [2, 2])
    copied = net.copy('copy')
    assert copied.left.W is copied.right.W is not net.left.W
    with pytest.raises(ValueError, match=r"layer 'right' \(InnerProduct\): the parameter 'w' has the shape \(2, 4\) "
                                         r"here, but \(2, 3\) in layer 'left'"):
        load(SIAMESE, {'left': [W, b], 'right': [random(2, 4), b]})


def test_weights_that_are_missing_or_do_not_fit():
    blobs = two_blobs()
    with pytest.raises(ValueError, match=r"layer 'fc2' \(InnerProduct\): expected a bias of shape \(5\) as blob 1, but "
                                         'the weights have 1 blob for this layer'):
        load(TWO, {**blobs, 'fc2': blobs['fc2'][:1]})
    with pytest.raises(ValueError, match=r"layer 'conv1' \(Convolution\): expected filters of shape \(4, any, 3, 3\) "
                                         r'as blob 0, the weights have \(4, 3, 5, 5\)'):
        load(TWO, {**blobs, 'conv1': [random(4, 3, 5, 5), random(4)]})
    with pytest.raises(ValueError, match=r"expected a bias of shape \(5\) as blob 1, the weights have \(4,\)"):
        load(TWO, {**blobs, 'fc2': [blobs['fc2'][0], random(4)]})
    net = load(TWO, {**blobs, 'conv1': [random(4, 2, 3, 3), random(4)]})
    with pytest.raises(ValueError, match=r"layer 'conv1': .* x has 3 channels"):
        net(random(1, 3, 8, 8))
    net = load(TWO, blobs)
    with pytest.raises(ValueError, match=r"layer 'fc2': .* x has 100 features .* but W expects 144"):
        net(random(1, 3, 7, 7))


def test_layers_without_weights_keep_their_initial_values():
    x, blobs = random(2, 3, 8, 8), two_blobs()
    with pytest.warns(UserWarning, match=r"there are no weights for layer 'fc2' \(InnerProduct\); they keep"):
        net = load(TWO, {'conv1': blobs['conv1']})
    assert net(x, 'fc2').shape == (2, 5)
    assert 0.05 < net.fc2.W.array.std() < 0.2
    normalized = TWO + 'layer { name: "bn" type: "BatchNorm" bottom: "fc2" top: "fc2" }'
    with pytest.warns(UserWarning, match=r"there are no weights for layer 'bn' \(BatchNorm\)"):
        net = load(normalized, blobs)
    np.testing.assert_allclose(net(x, 'fc2').array, net(x, 'fc2', end='fc2').array / 1e-5 ** 0.5, rtol=1e-4)


def test_layers_without_weights_of_their_own_need_no_warning():
    W, b = random(2, 3), random(2)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        net = load(SIAMESE, {'left': [W, b]})
        load(TWO, {'conv1': two_blobs()['conv1']}, phase='TRAIN')
        load(TWO)
    assert net.right.W is net.left.W


def test_the_arrays_of_the_caller_stay_as_they_are():
    blobs = {name: [blob.reshape(1, 1, 1, -1) if blob.ndim == 1 else blob for blob in arrays]
             for name, arrays in two_blobs().items()}
    before = copy.deepcopy(blobs)
    for arrays in blobs.values():
        for array in arrays:
            array.flags.writeable = False
    net = caffe.CaffeNetwork(caffe.read_prototxt(io.BytesIO(TWO.encode())), blobs, phase='TRAIN')
    optimizer = optimizers.SGD(0.1).setup(net)
    optimizer.update(lambda: F.sum(net(random(2, 3, 8, 8))))
    for name, arrays in before.items():
        for array, expected in zip(blobs[name], arrays):
            assert array.shape == expected.shape
            np.testing.assert_array_equal(array, expected)
    assert (net.conv1.W.array != blobs['conv1'][0]).any()


def test_fine_tuning_starts_new_layers_from_their_fillers():
    blobs = two_blobs()
    net = load(TWO, {'conv1': blobs['conv1']}, phase='TRAIN')
    np.testing.assert_array_equal(net.conv1.W.array, blobs['conv1'][0])
    optimizer = optimizers.SGD(0.1).setup(net)
    net.fc2.W.initialize((5, 144))
    assert 0.05 < net.fc2.W.array.std() < 0.2
    x, t = random(8, 3, 8, 8), np.arange(8) % 5
    losses = []
    for _ in range(10):
        loss = F.softmax_cross_entropy(net(x, 'fc2'), t)
        net.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.array))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize('filler, check', [
    ('type: "constant" value: 0.5', lambda W: (W == 0.5).all()),
    ('type: "uniform" min: 1 max: 2', lambda W: 1 <= W.min() < 1.2 and 1.8 < W.max() <= 2),
    ('type: "gaussian" mean: 3 std: 0.1', lambda W: abs(W.mean() - 3) < 0.05 and 0.05 < W.std() < 0.2),
    ('type: "xavier"', lambda W: 0.8 * (3 / 27) ** 0.5 < W.max() <= (3 / 27) ** 0.5),
    ('type: "msra"', lambda W: abs(W.std() / (2 / 27) ** 0.5 - 1) < 0.2),
    ('type: "xavier" variance_norm: FAN_OUT', lambda W: 0.8 * (3 / 288) ** 0.5 < W.max() <= (3 / 288) ** 0.5),
    ('type: "xavier" variance_norm: AVERAGE', lambda W: 0.8 * (6 / 315) ** 0.5 < W.max() <= (6 / 315) ** 0.5),
    ('type: "msra" variance_norm: FAN_OUT', lambda W: abs(W.std() / (2 / 288) ** 0.5 - 1) < 0.2),
    ('type: "msra" variance_norm: AVERAGE', lambda W: abs(W.std() / (4 / 315) ** 0.5 - 1) < 0.2),
    ('type: "gaussian" sparse: 8', lambda W: abs((W != 0).mean() - 8 / 32) < 0.1),
    ('type: "gaussian" sparse: 0', lambda W: not W.any()),
    ('type: "positive_unitball"', lambda W: W.min() >= 0 and abs(W.sum((1, 2, 3)) - 1).max() < 1e-5),
])
def test_fillers(filler, check):
    net = load(TWO.replace('num_output: 4', 'num_output: 32').replace('type: "xavier"', filler))
    net(random(1, 3, 8, 8), 'conv1')
    assert check(net.conv1.W.array)


def test_the_bilinear_filler_interpolates():
    net = load('''input: "x" layer { name: "up" type: "Deconvolution" bottom: "x" top: "up" convolution_param {
        num_output: 2 group: 2 kernel_size: 4 stride: 2 pad: 1 bias_term: false
        weight_filler { type: "bilinear" } } }''')
    ramp = np.tile(np.arange(6, dtype='f'), (1, 2, 6, 1))
    np.testing.assert_allclose(net(ramp).array[0, 1, 4, 2:-2], np.arange(0.75, 4.5, 0.5), rtol=1e-5)
    with pytest.raises(ValueError, match=r"layer 'conv1' \(Convolution\): expected a filler of type .*'positive'"):
        load(TWO.replace('xavier', 'positive'))
    with pytest.raises(ValueError, match=r"layer 'conv1' \(Convolution\): expected sparse with a filler of type gauss"):
        load(TWO.replace('"xavier"', '"xavier" sparse: 2'))


def test_transposed_weights_are_filled_as_they_lie_in_the_file():
    net = load('''input: "x" layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y" inner_product_param {
        num_output: 2 transpose: true weight_filler { type: "positive_unitball" } } }''')
    net(random(1, 5))
    np.testing.assert_allclose(net.fc.W.array.sum(0), np.ones(5), rtol=1e-5)


def test_layers_of_unknown_types_and_blobs_of_unknown_origin():
    text = TWO + 'layer { name: "odd" type: "Wavelet" bottom: "fc2" top: "odd" }'
    with pytest.raises(ValueError, match=r"layer 'odd' \(Wavelet\) is of an unknown type; give custom_layers={'W"):
        load(text)
    with pytest.raises(ValueError, match=r"layer 'fc2' \(InnerProduct\) takes the blob 'conv9', which no layer before"):
        load(TWO.replace('bottom: "conv1" top: "fc2"', 'bottom: "conv9" top: "fc2"'))
    net = load(TWO)
    with pytest.raises(ValueError, match="there is no blob or layer 'fc9'; there are data, conv1, fc2, prob"):
        net(random(1, 3, 8, 8), 'fc9')
    with pytest.raises(ValueError, match="there is no layer 'fc9'"):
        net(random(1, 3, 8, 8), end='fc9')
    with pytest.raises(ValueError, match="there is no input 'image'; there are data"):
        net({'image': random(1, 3, 8, 8)})
    with pytest.raises(ValueError, match=r"layer 'copy' \(InnerProduct\): another layer or an attribute"):
        load(TWO.replace('name: "fc2"', 'name: "copy"'))


def test_a_layer_without_bottoms():
    with pytest.raises(ValueError, match=r"layer 'y' \(Eltwise\): expected at least one bottom"):
        load('input: "x" layer { name: "y" type: "Eltwise" top: "y" }')


@pytest.mark.parametrize('kind', ['Python', 'Data', 'ImageData'])
def test_layers_that_read_data_in_the_middle_of_a_network(kind):
    text = f'input: "x" layer {{ name: "odd" type: "{kind}" bottom: "x" top: "y" }}'
    with pytest.raises(ValueError, match=rf"layer 'odd' \({kind}\) is of an unknown type; give custom_layers={{'"):
        load(text)
    net = load(text, custom_layers={kind: lambda layer, blobs: lambda x: -x})
    np.testing.assert_array_equal(net(np.ones(3, 'f')).array, [-1, -1, -1])
    with pytest.warns(UserWarning, match=rf"layer 'odd' \({kind}\) is passed over"):
        caffe.CaffeFunction(io.BytesIO(write(text, {})[1]))


def test_data_made_by_fillers():
    net = load('''layer { name: "data" type: "DummyData" top: "x" top: "t" dummy_data_param {
            data_filler { type: "gaussian" } data_filler { type: "constant" value: 2 }
            shape { dim: 3 dim: 2 } shape { dim: 3 } } }
        layer { name: "twice" type: "Power" bottom: "x" top: "y" power_param { scale: 2 } }''')
    x, y, t = net(None, ['x', 'y', 't'])
    np.testing.assert_array_equal(y.array, 2 * x.array)
    np.testing.assert_array_equal(t.array, [2, 2, 2])
    # Random numbers are drawn anew for every call, and what is given takes their place.
    assert (net(None, 'x').array != x.array).all()
    given = random(3, 2)
    y, t = net({'x': given}, ['y', 't'])
    np.testing.assert_array_equal(y.array, 2 * given)
    assert t.shape == (3,)
    with pytest.raises(ValueError, match='expected a dict of inputs by name, as the network names no input'):
        net(given)


def test_dummy_data_of_one_shape_and_of_the_first_version():
    old = 'num: 2 channels: 3 height: 1 width: 4'
    for settings, shape in ('shape { dim: 2 dim: 3 }', (2, 3)), (old, (2, 3, 1, 4)):
        net = load(f'layer {{ name: "d" type: "DummyData" top: "a" top: "b" dummy_data_param {{ {settings} }} }}')
        for y in net():
            np.testing.assert_array_equal(y.array, np.zeros(shape))
    with pytest.raises(ValueError, match=r"layer 'd' \(DummyData\): expected a shape and a filler for each of 3 tops"):
        load(f'layer {{ name: "d" type: "DummyData" top: "a" top: "b" top: "c" dummy_data_param {{ {old} {old} }} }}')


def test_a_parameter_as_a_blob():
    text = '''input: "x" layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: 2 dim: 3 } } }
        layer { name: "y" type: "Eltwise" bottom: "x" bottom: "w" top: "y" eltwise_param { operation: PROD } }'''
    x, W = random(2, 3), random(2, 3)
    net = load(text, {'w': [W]})
    y = net(x)
    np.testing.assert_allclose(y.array, x * W, rtol=1e-6)
    F.sum(y).backward()
    np.testing.assert_array_equal(net.w.W.grad, x)
    np.testing.assert_array_equal(load(text, phase='TRAIN')(x, 'w').array, np.zeros((2, 3)))


def test_custom_layers():
    class Shift(ann.Link):
        def __init__(self, b):
            super().__init__()
            with self.init_scope():
                self.b = ann.Parameter(b)

        def forward(self, x):
            return x + F.broadcast_to(self.b, x.shape)

    text = '''input: "x" layer { name: "shift" type: "Shift" bottom: "x" top: "x" }
        layer { name: "both" type: "Both" bottom: "x" top: "a" top: "b" }'''
    net = load(text, {'shift': [random(3)]}, custom_layers={
        'Shift': lambda layer, blobs: Shift(blobs[0]), 'Both': lambda layer, blobs: lambda x: (x, -x)})
    x = random(2, 3)
    a, b = net(x)
    np.testing.assert_array_equal(a.array, x + net.shift.b.array)
    np.testing.assert_array_equal(b.array, -a.array)


def test_a_layer_with_more_tops_than_results():
    net = load('''input: "x" layer { name: "y" type: "Pooling" bottom: "x" top: "y" top: "mask"
        pooling_param { pool: AVE kernel_size: 2 } }''')
    with pytest.raises(ValueError, match="layer 'y': expected 2 results, as it has 2 tops, got 1"):
        net(random(1, 1, 4, 4), 'y')


def test_blobs_are_freed_when_no_layer_needs_them():
    alive, counts = [], []

    def watch(layer, blobs):
        def forward(x):
            gc.collect()
            counts.append(sum(ref() is not None for ref in alive))
            y = x * 1
            alive.append(weakref.ref(y))
            return y

        return forward

    text = 'input: "x" ' + ' '.join(f'layer {{ name: "l{i}" type: "Watch" bottom: "x{i or ""}" top: "x{i + 1}" }}'
                                    for i in range(6))
    with ann.no_backprop_mode():
        load(text, custom_layers={'Watch': watch})(random(2, 3))
    assert max(counts) == 1


def test_copies_and_files():
    blobs, x = two_blobs(), random(2, 3, 8, 8)
    net = load(TWO, blobs)
    expected = net(x).array
    for other in net.copy(), net.copy('copy'), copy.deepcopy(net):
        np.testing.assert_array_equal(other(x).array, expected)
    file = io.BytesIO()
    serializers.save_npz(file, net)
    file.seek(0)
    assert set(np.load(file).files) == {'conv1/W', 'conv1/b', 'fc2/W', 'fc2/b'}
    file.seek(0)
    other = load(TWO)
    serializers.load_npz(file, other)
    np.testing.assert_array_equal(other(x).array, expected)


def test_a_child_can_be_replaced():
    net = load(TWO, two_blobs())
    x = random(2, 3, 8, 8)
    net(x)
    net.fc2 = L.Linear(144, 7)
    assert net(x).shape == (2, 7)


def test_files_and_paths(tmp_path):
    blobs, x = two_blobs(), random(2, 3, 8, 8)
    prototxt, caffemodel = write(TWO, blobs)
    (tmp_path / 'net.prototxt').write_bytes(prototxt)
    (tmp_path / 'net.caffemodel').write_bytes(caffemodel)
    net = caffe.load(tmp_path / 'net.prototxt', str(tmp_path / 'net.caffemodel'))
    np.testing.assert_array_equal(net(x).array, load(TWO, blobs)(x).array)
    with pytest.raises(FileNotFoundError):
        caffe.load(tmp_path / 'other.prototxt')
