"""What takes an array leaves it as it is, then and later: whatever is made of it has memory of its own.

Functions are tested so in `checking.check_function`; here is everything else that is given arrays.
"""
import inspect
import io
import itertools

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.initializers as I
import autograd_nn.links as L
from autograd_nn import (
    caffe,
    dataset,
    datasets,
    exporters,
    gradient_check,
    iterators,
    models,
    optimizer_hooks,
    optimizers,
    serializers,
    training,
)
from autograd_nn.datasets import transforms
from autograd_nn.models import CAFFE, DIGITS, TORCHVISION, registry
from autograd_nn.models.preprocessing import as_picture

# For each class of links the arguments that its constructor requires; the others have defaults.
REQUIRED = {
    'Bilinear': (3, 2, 4), 'ChildSumTreeLSTM': (3, 2), 'Convolution1D': (3, 2, 2), 'Convolution2D': (3, 2, 2),
    'Convolution3D': (3, 2, 2), 'ConvolutionND': (2, 3, 2, 2), 'Deconvolution1D': (3, 2, 2),
    'Deconvolution2D': (3, 2, 2), 'Deconvolution3D': (3, 2, 2), 'DeconvolutionND': (2, 3, 2, 2),
    'DeformableConvolution2D': (3, 2, 2), 'DepthwiseConvolution2D': (3, 2, 2), 'DilatedConvolution2D': (3, 2, 2),
    'CRF1d': (3,), 'EmbedID': (3, 2), 'GRU': (3, 2), 'Highway': (3,), 'SimplifiedDropconnect': (3, 2),
    'BatchRenormalization': (3,), 'BinaryConvolution2D': (3, 2, 2), 'BinaryLinear': (3, 2),
    'GroupNormalization': (2, 4), 'BatchNormalization': (3,), 'Inception': (3, 1, 1, 2, 1, 2, 1),
    'InceptionBN': (3, 1, 1, 2, 1, 2, 'max', 1), 'LSTM': (3, 2), 'LayerNormalization': (3,), 'Linear': (3, 2),
    'LocalConvolution2D': (3, 2, 4, 2),
    'MLPConvolution2D': (3, (2, 2), 2), 'Maxout': (3, 2, 2), 'MultiHeadAttention': (4, 2), 'PReLU': ((3,),),
    'StatefulGRU': (3, 2), 'StatelessGRU': (3, 2), 'StatelessLSTM': (3, 2), 'Swish': ((3,),),
    **{f'NStep{kind}': (1, 3, 2, 0.) for kind in (
        'BiGRU', 'BiLSTM', 'BiRNNReLU', 'BiRNNTanh', 'GRU', 'LSTM', 'RNNReLU', 'RNNTanh')},
}
INITIAL = [(name, argument) for name, link in sorted(vars(L).items()) if inspect.isclass(link)
           for argument in inspect.signature(link).parameters
           if 'init' in argument and (name, argument) != ('Bilinear', 'initial_bias')]  # a tuple of three


class Given:
    """Arrays that a test hands over, and whether they are what they were."""

    def __init__(self):
        self.arrays = []

    def __call__(self, *shape, low=-1., high=1., dtype='f', locked=True):
        """A new array; one that is locked cannot be written to without an error that shows who does."""
        x = np.random.uniform(low, high, shape).astype(dtype)
        return self.add(x, locked)

    def add(self, x, locked=True):
        self.arrays.append((x, x.copy()))
        x.flags.writeable = not locked
        return x

    def check(self):
        for x, before in self.arrays:
            assert x.shape == before.shape and x.dtype == before.dtype
            np.testing.assert_array_equal(x, before)


@pytest.fixture
def given():
    """Makes arrays, which must be unchanged in the end."""
    given = Given()
    yield given
    given.check()


def train(link):
    """Changes all of a link in place, as training may."""
    for param in link.params():
        param.grad = np.ones_like(param.array)
    optimizers.SGD(1.).setup(link).update()
    for part in link.links():
        for name in part._persistent:
            if isinstance(getattr(part, name), np.ndarray):
                getattr(part, name)[...] += 1


@pytest.mark.parametrize('name, argument', INITIAL)
@pytest.mark.parametrize('locked', [True, False])
def test_initial_values_of_links(name, argument, locked, given):
    shapes = set()

    def look(array):
        shapes.add(array.shape)
        array[...] = 0

    getattr(L, name)(*REQUIRED[name], **{argument: look})
    if len(shapes) == 1:
        x = given(*shapes.pop(), locked=locked)
    else:
        x = given(locked=locked)  # one number for all
    link = getattr(L, name)(*REQUIRED[name], **{argument: x})
    train(link)
    assert any((param.array != 0).any() for param in link.params())


@pytest.mark.parametrize('locked', [True, False])
def test_initializers_and_parameters(locked, given):
    W, b, number = given(2, 3, locked=locked), given(2, locked=locked), given(locked=locked)
    for initializer in W, b[:, None], number, I.Constant(W), I.get_initializer(W), I.get_initializer(W, 'f8'):
        I.generate_array(I.get_initializer(initializer), (2, 3))[...] = 7
        array = np.empty((2, 3))
        I.get_initializer(initializer)(array)
        array[...] = 7
    link = ann.Link()
    with link.init_scope():
        link.W, link.b, link.c = ann.Parameter(W), ann.Parameter(b, (2,)), ann.Parameter(I.Constant(W), (2, 3))
        link.late = ann.Parameter(W)
        link.array = ann.Parameter(L.Parameter(W).W.array)
    link.late.initialize((2, 3))
    train(link)


@pytest.mark.parametrize('locked', [True, False])
def test_serializers(locked, given):
    source = ann.Chain(fc=L.Linear(3, 2), bn=L.BatchNormalization(2), late=L.Linear(2, 2))
    arrays = {}
    serializers.DictionarySerializer(arrays).save(source)
    arrays = {key: given.add(np.array(x), locked) for key, x in arrays.items()}
    published = {'fc.weight': given(2, 3, locked=locked), 'bn.running_mean': given(2, locked=locked),
                 'bn.running_var': given(2, locked=locked), 'bn.num_batches_tracked': given.add(np.array(3), locked)}
    file, safe = io.BytesIO(), io.BytesIO()
    serializers.save_npz(file, arrays)
    serializers.save_safetensors(safe, arrays)
    for sizes in (3, 2), (None, None):
        for load in (lambda link: serializers.NpzDeserializer(arrays).load(link),
                     lambda link: serializers.load_state_dict(published, link)):
            link = ann.Chain(fc=L.Linear(sizes[0], 2), bn=L.BatchNormalization(sizes[1]), late=L.Linear(sizes[1], 2))
            load(link)
            train(link)
    link = ann.Chain(bn=L.BatchNormalization())
    serializers.NpzDeserializer(arrays).load(link)
    link.bn.avg_mean[...] = link.bn.avg_var[...] = 7


def rules():
    return [rule() for name, rule in sorted(vars(optimizers).items()) if inspect.isclass(rule)]


@pytest.mark.parametrize('rule', rules(), ids=lambda rule: type(rule).__name__)
def test_optimizers(rule, given):
    """Neither the batch nor a gradient that was handed over is changed, by rules and hooks."""
    model = L.Classifier(ann.Sequential(L.Linear(4, 3), L.BatchNormalization(3), F.relu, L.Linear(3, 3)))
    rule.setup(model)
    for hook in (optimizer_hooks.WeightDecay(0.1), optimizer_hooks.Lasso(0.1), optimizer_hooks.GradientClipping(0.1),
                 optimizer_hooks.GradientHardClipping(-0.1, 0.1), optimizer_hooks.GradientNoise(0.1)):
        rule.add_hook(hook)
    x, t = given(6, 4), given(6, low=0, high=3, dtype='i')
    for _ in range(2):
        rule.update(model, x, t)
        rule.update(model, ann.Variable(x), ann.Variable(t))


def test_gradients_that_are_handed_over(given):
    x = ann.Variable(given(2, 3))
    y = ann.Variable(given(2, 3))
    x.grad, y.grad = given(2, 3), given(2, 3)
    x.addgrad(y)
    x = ann.Variable(given(2, 3))
    x.grad = given(2, 3)
    z = x * x
    z.grad = given(2, 3)
    z.backward()
    assert (x.grad != 0).all()
    ann.grad([x * x], [x], [ann.Variable(given(2, 3))], [ann.Variable(given(2, 3))])
    link = L.Linear(3, 2)
    other = L.Linear(3, 2)
    other.W.grad, other.b.grad = given(2, 3), given(2)
    link.W.grad, link.b.grad = given(2, 3), given(2)
    link.addgrads(other)


@pytest.mark.parametrize('locked', [True, False])
def test_batches(locked, given):
    """They are copies, so that one may compute in them."""
    x, t = given(10, 2, 3, locked=locked), given(10, dtype='i', locked=locked)
    examples = datasets.TupleDataset(x, t)
    sources = [examples, datasets.DictDataset(x=x, t=t), x, datasets.SubDataset(examples, 2, 10),
               datasets.ConcatenatedDataset(examples, examples), datasets.TransformDataset(examples, lambda pair: pair)]
    for source, shuffle in itertools.product(sources, (True, False)):
        for batch in next(iterators.SerialIterator(source, 4, shuffle=shuffle)), source[:4], source[1:2]:
            converted = dataset.concat_examples(batch)
            for array in [converted] if isinstance(converted, np.ndarray) else (
                    converted.values() if isinstance(converted, dict) else converted):
                array[...] = 7
    padded = dataset.concat_examples([(x[0], t[0]), (x[1, :1], t[1])], padding=0)
    padded[0][...] = 7
    assert dataset.to_device(-1, x) is x
    order = given.add(np.random.permutation(10))
    datasets.SubDataset(examples, 0, 10, order)[:]
    datasets.split_dataset_n(examples, 2, order)
    datasets.get_cross_validation_datasets(examples, 2, order)
    iterator = iterators.SerialIterator(x, 4, order_sampler=lambda previous, position: order)
    for _ in range(6):
        next(iterator)
    sampler = iterators.ShuffleOrderSampler()
    sampler(order, 3)
    datasets.parallel_streams(given(12, dtype='i'), 2, 3)[:]


TRANSFORMS = [transforms.Resize((5, 6)), transforms.Resize((8, 8)), transforms.Normalize([0.5], [0.5]),
              transforms.RandomCrop(8, 2), transforms.RandomHorizontalFlip(1.), transforms.RandomHorizontalFlip(0.5),
              transforms.RandomRotation(20), transforms.RandomRotation(0), transforms.RandomShift(2),
              transforms.RandomShift(0), transforms.RandomBrightness(0.3), transforms.RandomBrightness(0.),
              datasets.standard_augmentation((3, 8, 8))]


@pytest.mark.parametrize('transform', TRANSFORMS, ids=repr)
def test_transforms(transform, given):
    images, labels = given(6, 3, 8, 8, low=0), given(6, dtype='i')
    rng = np.random.default_rng(0)
    transforms.Compose([transform, transform])(images[0], rng)
    augmented = datasets.AugmentedDataset(datasets.TupleDataset(images, labels), transform)
    for examples in augmented[:], [augmented[0]], next(iterators.SerialIterator(augmented, 4)):
        dataset.concat_examples(examples)[0][...] = 7
    datasets.TransformDataset(images, lambda image: transform(image, rng))[:]


def test_pictures(given):
    picture = given(20, 30, 3, low=0, high=255, dtype='u1')
    prepared = given(1, 3, 8, 8, low=0)
    grey = given(28, 28, low=0, high=255, dtype='u1')
    for preprocessing in CAFFE, TORCHVISION, DIGITS, models.Preprocessing():
        preprocessing(picture, 8)[...] = 7
        preprocessing.normalize(prepared[:, :1] if preprocessing is DIGITS else prepared)[...] = 7
    datasets.prepare_digit(grey[None])[...] = 7
    as_picture(picture).putpixel((0, 0), 0)


def test_networks_of_the_zoo_and_extensions(given):
    x, t = given(4, 784, low=0), given(4, low=0, high=10, dtype='i')
    network = registry.create('mlp')
    network(x)
    model = L.Classifier(network)
    optimizer = optimizers.Adam().setup(model)
    updater = training.updaters.StandardUpdater(iterators.SerialIterator(datasets.TupleDataset(x, t), 2), optimizer)
    updater.update()
    training.extensions.Evaluator(iterators.SerialIterator(datasets.TupleDataset(x, t), 2, repeat=False), model)()
    images = given(1, 3, 16, 16)
    models.gram_matrix(images), models.total_variation(images)
    models.content_loss(images, given(1, 3, 16, 16)), models.style_loss(images, models.gram_matrix(images))


def test_networks_of_caffe(given):
    """Those that are exported and read again have weights of their own, too."""
    model = ann.Sequential(L.Convolution2D(3, 4, 3), L.BatchNormalization(4), F.relu, L.Linear(None, 2))
    x = given(2, 3, 8, 8)
    model(x)
    for array in [param.array for param in model.params()] + [model[1].avg_mean, model[1].avg_var]:
        given.add(array, locked=False)
    net, blobs = exporters.caffe.export(model, x)
    before = net.SerializeToString()
    for arrays in blobs.values():
        for array in arrays:
            given.add(array, locked=False)
    caffe.write_caffemodel(io.BytesIO(), net, blobs)
    caffe.write_mean(io.BytesIO(), x[0])
    network = caffe.CaffeNetwork(net, blobs, phase='TRAIN')
    network(x)
    train(network)
    caffe.upgrade(net)
    assert net.SerializeToString() == before


def test_gradient_checks(given):
    x, gy = given(2, 3, dtype='d'), given(2, 3, dtype='d')
    gradient_check.check_backward(F.tanh, x, gy)
    gradient_check.check_double_backward(F.tanh, x, gy, given(2, 3, dtype='d'))
