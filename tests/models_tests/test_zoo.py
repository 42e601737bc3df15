"""Every model of the zoo: parameter count, shapes, gradients, and that it can learn eight samples by heart."""
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import datasets, models
from autograd_nn import links as L
from autograd_nn.dataset import concat_examples
from support.overfitting import overfit

# Published counts, for the number of classes that the model was made for.
PARAMETERS = {
    'perceptron': 7_850, 'mlp': 1_796_010, 'lenet': 431_080, 'lenet5': 60_850, 'lenet_bn': 147_450,
    'lenet_binaryconnect': 431_660, 'lenet_xnor': 432_240,
    'deep_convnet': 123_552,
    'alexnet': 60_965_224, 'alexnet_one_tower': 61_100_840, 'nin': 7_595_176,
    'squeezenet1_0': 1_248_424, 'squeezenet1_1': 1_235_496, 'googlenet': 13_378_280, 'googlenet_bn': 17_681_464,
    'vgg11': 132_863_336, 'vgg13': 133_047_848, 'vgg16': 138_357_544, 'vgg19': 143_667_240,
    'vgg11_bn': 132_868_840, 'vgg13_bn': 133_053_736, 'vgg16_bn': 138_365_992, 'vgg19_bn': 143_678_248,
    'resnet18': 11_689_512, 'resnet34': 21_797_672, 'resnet50': 25_557_032, 'resnet101': 44_549_160,
    'resnet152': 60_192_808, 'se_resnet50': 28_088_024,
    'resnet20': 269_722, 'resnet32': 464_154, 'resnet44': 658_586, 'resnet56': 853_018, 'resnet110': 1_727_962,
    'resnet1202': 19_421_274, 'resnet110_sd': 1_727_962,
    'mobilenet': 4_231_976, 'mobilenet_v2': 3_504_872, 'efficientnet_b0': 5_288_548, 'efficientnet_v2_s': 21_458_488,
    'efficientnet_lite0': 4_652_008, 'darknet19': 20_842_376, 'darknet53': 41_609_928, 'vit_s16': 22_050_664,
}
# These learn in seconds.
SMALL = ['perceptron', 'mlp', 'lenet', 'lenet5', 'lenet_bn', 'lenet_binaryconnect', 'lenet_xnor',
         'deep_convnet', 'nin', 'squeezenet1_0', 'squeezenet1_1',
         'resnet20']
# These are more of the blocks that others are made of, too.
DEEPER = ['vgg13', 'vgg13_bn', 'vgg16', 'vgg16_bn', 'vgg19', 'vgg19_bn', 'resnet34', 'resnet101', 'resnet152',
          'resnet32', 'darknet53', 'resnet44', 'resnet56', 'resnet110', 'resnet110_sd', 'resnet1202']
# Their layers are all in networks with more kinds of them: vgg11_bn, se_resnet50, alexnet.
PLAIN = ['vgg11', 'resnet50', 'alexnet_one_tower']
# The gradients of these are not those of what they compute.
STRAIGHT_THROUGH = ['lenet_binaryconnect', 'lenet_xnor']
KINDS = [name for name in models.names('images') if name not in DEEPER]
DATA = Path(__file__).parents[2].parent / 'shared' / 'data'
PRETRAINED = DATA / 'pretrained'
MNIST = DATA / 'mnist'
DOCS = Path(__file__).parents[2] / 'docs' / 'reference' / 'models.md'


def test_every_model_has_an_expected_parameter_count():
    assert sorted(PARAMETERS) == models.names('images')


@pytest.mark.parametrize('name', models.names('images'))
def test_parameters_and_shapes(name, blank_parameters):
    entry = models.get(name)
    model = entry.build()
    with ann.no_backprop_mode():
        y = model(np.zeros((1, *entry.input_shape), np.float32))
    assert y.shape == (1, 10 if entry.input_shape[1] < 200 else 1000)
    assert model.count_params() == PARAMETERS[name]
    assert entry.input_shape[1:] == (model.insize, model.insize)
    assert model.prepare(np.zeros((50, 60, 3), np.uint8)).shape == entry.input_shape
    assert entry.description.endswith('.')


def test_the_table_of_the_documentation():
    rows = re.findall(r'^\| `(\w+)` \| ([\d,]+) \| (\d+) \| .*\d{4}.* \|$', DOCS.read_text(), re.MULTILINE)
    rows = [row for row in rows if models.get(row[0]).task == 'images']
    assert {name: int(count.replace(',', '')) for name, count, _ in rows} == PARAMETERS
    assert {name: int(size) for name, _, size in rows} == {
        name: models.get(name).input_shape[1] for name in models.names('images')}


@pytest.mark.parametrize('name', KINDS)
def test_grey_images_of_other_sizes(name, blank_parameters):
    """From the least size on, with any number of channels and classes, and in batches."""
    entry = models.get(name)
    least = entry.build().minsize
    with ann.no_backprop_mode():
        for size in least, least + 9:
            model = entry.build(num_classes=7)
            assert model(np.zeros((2, 1, size, size), np.float32)).shape == (2, 7)
        if least > 1:
            with pytest.raises(ValueError, match=' '):
                entry.build()(np.zeros((2, 1, least - 1, least - 1), np.float32))


@pytest.mark.parametrize('name', [name for name in KINDS if name not in STRAIGHT_THROUGH + PLAIN])
def test_a_small_step_against_the_gradient_lowers_the_loss_as_it_should(name):
    """By the step times the square of the gradient's length: a gradient check of the whole network, in training."""
    entry = models.get(name)
    channels, insize, _ = entry.input_shape
    size = max(entry.build().minsize, min(insize // 2, 32))
    x = np.random.uniform(-1, 1, (4, channels, size, size))
    t = np.arange(4, dtype=np.int32)

    def loss():
        np.random.seed(0)  # the same dropout
        return network.lossfun(network(x), t)

    with ann.using_config('dtype', np.dtype(np.float64)):
        network = entry.build(num_classes=4)
        loss()  # settles the parameters
        before = loss()
        before.backward()
        assert not [path for path, param in network.namedparams() if param.grad is None]
        square = sum(float(np.vdot(param.grad, param.grad)) for param in network.params())
        expected = 1e-6 * before.item()
        for param in network.params():
            param.array -= expected / square * param.grad
        with ann.no_backprop_mode():
            assert before.item() - loss().item() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize('name', SMALL)
def test_overfits_eight_samples(name):
    entry = models.get(name)
    network = entry.build(num_classes=4)
    model = L.Classifier(network)
    size = max(network.minsize, 28)
    x = network.preprocessing.normalize(np.random.rand(8, entry.input_shape[0], size, size))
    t = np.arange(8, dtype=np.int32) % 4
    # Dropout on the logits (deep_convnet) would keep even a perfect fit from showing.
    with ann.using_config('train', False):
        assert overfit(model, lambda: model(x, t), 200, enough=0.1, averages=1) < 0.1
    assert model.accuracy.array == 1


def test_unknown_model_names_the_known_ones():
    with pytest.raises(ValueError, match=r"there is no 'lenot' \(did you mean 'lenet'\?\); expected one of .*lenet"):
        models.create('lenot')


def test_perceptron_learns_what_a_line_separates():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    for truth in [0, 0, 0, 1], [1, 1, 1, 0], [0, 1, 1, 1]:
        unit = models.Perceptron([0, 0], bias=0)
        assert unit.train(x, truth) < 100
        assert unit(x).array.tolist() == truth
    unit = models.Perceptron([0, 0], bias=0)
    assert unit.train(x, [0, 1, 1, 0], epochs=50) == 50, 'no line separates XOR'


def test_lenet5_connects_as_in_table_1():
    """An output channel of C3 depends on just the input channels that the paper's table I gives it."""
    expected = {0: [0, 1, 2], 5: [0, 1, 5], 6: [0, 1, 2, 3], 11: [0, 1, 2, 5], 12: [0, 1, 3, 4], 15: [0, 1, 2, 3, 4, 5]}
    c3 = models.LeNet5().c3
    for channel, inputs in expected.items():
        x = ann.Variable(np.random.rand(1, 6, 5, 5).astype(np.float32))
        F.sum(c3(x)[:, channel]).backward()
        assert np.flatnonzero(x.grad.any(axis=(0, 2, 3))).tolist() == inputs


def test_book_weights_must_fit():
    model = models.DeepConvNet()
    with pytest.raises(ValueError, match='expected an array W1'):
        model.load_book_weights({})


def pretrained(name):
    with np.load(PRETRAINED / f'{name}.npz') as arrays:
        return dict(arrays)


def correct_answers(predict, data_set):
    x, t = concat_examples(data_set[:])
    with ann.using_config('train', False), ann.no_backprop_mode():
        answers = np.concatenate([predict(x[i:i + 500]).array.argmax(axis=1) for i in range(0, len(x), 500)])
    return int((answers == t).sum())


@pytest.mark.skipif(not PRETRAINED.exists(), reason='the weights of the textbook networks are not here')
class TestBookWeights:
    """Networks that somebody else trained, in the book's own layout."""

    def test_chapter_3_has_the_accuracy_that_the_book_prints(self):
        W = pretrained('book_ch03_mlp')

        def predict(x):
            for i in '12':
                x = F.sigmoid(F.linear(x, W[f'W{i}'].T, W[f'b{i}']))
            return F.linear(x, W['W3'].T, W['b3'])

        _, test = datasets.get_mnist(directory=MNIST)
        assert correct_answers(predict, test) == 9352

    def test_chapter_8_reads_as_many_digits_as_in_pytorch(self):
        """PyTorch, given these weights, reads 9,796 of MNIST's 10,000 test digits (one hangs on rounding)."""
        model = models.DeepConvNet()
        model.load_book_weights(pretrained('book_ch08_deep_convnet'))
        _, test = datasets.get_mnist(ndim=3, directory=MNIST)
        assert abs(correct_answers(model, test) - 9796) <= 1

    def test_chapter_8_computes_what_pytorch_computes(self):
        torch = pytest.importorskip('torch')
        arrays = pretrained('book_ch08_deep_convnet')
        model = models.DeepConvNet()
        model.load_book_weights(arrays)
        x, _ = concat_examples(datasets.get_digits(ndim=3)[1][:200])
        W = {name: torch.tensor(array) for name, array in arrays.items()}
        h = torch.tensor(x)
        for i in range(1, 7):
            h = torch.relu(torch.nn.functional.conv2d(h, W[f'W{i}'], W[f'b{i}'], padding=2 if i == 4 else 1))
            h = torch.nn.functional.max_pool2d(h, 2) if i % 2 == 0 else h
        # The book's dropout halves in inference.
        h = 0.5 * torch.relu(h.reshape(len(h), -1) @ W['W7'] + W['b7'])
        expected = 0.5 * (h @ W['W8'] + W['b8'])
        with ann.using_config('train', False):
            np.testing.assert_allclose(model(x).array, expected.numpy(), atol=1e-4)
