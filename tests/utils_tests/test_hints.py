"""Names of other frameworks, and mistyped ones: what the errors say."""
import copy
import importlib
import inspect
import pickle
import re
import warnings

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import (
    cuda,
    dataset,
    datasets,
    initializers,
    iterators,
    models,
    optimizer_hooks,
    optimizers,
    serializers,
    training,
)
from autograd_nn.utils import foreign_names, hints

MODULES = {
    'ROOT': ann, 'FUNCTIONS': F, 'LINKS': L, 'OPTIMIZERS': optimizers, 'OPTIMIZER_HOOKS': optimizer_hooks,
    'INITIALIZERS': initializers, 'SERIALIZERS': serializers, 'DATASETS': datasets, 'ITERATORS': iterators,
    'CUDA': cuda, 'TRAINING': training, 'EXTENSIONS': training.extensions,
}
CLASSES = {'VARIABLE': ann.Variable, 'LINK': ann.Link, 'OPTIMIZER': ann.Optimizer}


@pytest.mark.parametrize('module, name, words', [
    (F, 'reul', "did you mean 'relu'?"), (F, 'ReLU', "'relu'"), (F, 'softmx', "'softmax'"), (F, 'dropuot', "'dropout'"),
    (F, 'Conv2d', "'convolution_2d'"), (F, 'conv2d', "'convolution_2d'"), (F, 'max_pool2d', "'max_pooling_2d'"),
    (F, 'binary_cross_entropy_with_logits', "'sigmoid_cross_entropy'"), (F, 'Linear', "'linear'"),
    (F, 'unsqueeze', "'expand_dims'"), (F, 'cat', "'concat'"), (F, 'Adam', 'autograd_nn.optimizers.Adam'),
    (L, 'Conv2d', "'Convolution2D'"), (L, 'Dense', "'Linear'"), (L, 'Lineer', "'Linear'"),
    (L, 'ReLU', 'autograd_nn.functions.relu'), (L, 'MaxPool2d', 'autograd_nn.functions.max_pooling_2d'),
    (L, 'BatchNorm2d', "'BatchNormalization'"), (L, 'Sequential', 'autograd_nn.Sequential'),
    (L, 'VGG16Layer', "'VGG16Layers'"),
    (optimizers, 'Adagrad', "'AdaGrad'"), (optimizers, 'Adma', "'Adam'"), (ann, 'Tensor', 'autograd_nn.Variable'),
    (ann, 'Linear', 'autograd_nn.links.Linear'), (ann, 'relu', 'autograd_nn.functions.relu'),
    (ann, 'no_grad', 'no_backprop_mode'), (ann, 'Vairable', "'Variable'"), (datasets, 'MNIST', "'get_mnist'"),
    (iterators, 'DataLoader', 'SerialIterator'), (serializers, 'save', "'save_npz'"),
    (initializers, 'kaiming_normal_', "'HeNormal'"), (dataset, 'convert_examples', "'concat_examples'"),
    (training.extensions, 'PrintReprot', "'PrintReport'"), (training.extensions, 'EarlyStopping', 'EarlyStoppingTrig'),
    (training.triggers, 'IntervalTriger', "'IntervalTrigger'"), (models, 'resnet50', "models.create('resnet50')"),
    (models, 'LeNett', "'LeNet'"), (models, 'ResNet18', "models.create('resnet18')"),
])
def test_modules(module, name, words):
    with pytest.raises(AttributeError, match=f"^module '{module.__name__}' has no attribute '{name}'; ") as caught:
        getattr(module, name)
    assert words in str(caught.value) and '\n' not in str(caught.value)
    assert not hasattr(module, name) and name not in dir(module)


def test_modules_say_nothing_where_they_know_nothing():
    for name in 'completely_unknown', '__wrapped__', '_relu':
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(F, name)
    assert L.VGG16Layers is not None  # a name that is deferred


@pytest.mark.parametrize('table', MODULES)
def test_tables_name_what_there_is(table):
    module = MODULES[table]
    names = {hints.simplify(name) for name, value in vars(module).items() if not inspect.ismodule(value)}
    for key, advice in getattr(foreign_names, table).items():
        assert key == hints.simplify(key)
        assert key not in names, key
        if advice.isidentifier():
            assert hasattr(module, advice), advice
        check_sentence(advice)


@pytest.mark.parametrize('table', CLASSES)
def test_attributes_that_advice_names(table):
    for name, advice in getattr(foreign_names, table).items():
        with pytest.raises(AttributeError):
            getattr(CLASSES[table], name)
        check_sentence(advice)
        for owner, attribute in re.findall(r'\b(x|y|model|optimizer)\.(\w+)', advice):
            kind = {'x': ann.Variable, 'y': ann.Variable, 'model': ann.Chain, 'optimizer': optimizers.Adam}[owner]
            assert hasattr(kind, attribute) or attribute == 'hyperparam', attribute


def check_sentence(advice):
    """Every dotted name in it exists."""
    for path in re.findall(r'autograd_nn(?:\.\w+)+', advice):
        found = ann
        for name in path.split('.')[1:]:
            found = importlib.import_module(path) if name == 'caffe' else getattr(found, name)


def test_variables_links_and_optimizers():
    x, model = ann.Variable(np.ones((2, 3), 'f')), L.Linear(3, 2)
    optimizer = optimizers.SGD().setup(model)
    for thing, name, words in [
            (x, 'detach', 'Variable has no attribute .*x.array'), (x, 'view', 'x.reshape'), (x, 'numpy', 'x.array'),
            (x, 'permute', 'x.transpose'), (x, 'cuda', 'x.to_gpu'), (x, 'to', 'x.to_device'),
            (model.W, 'zero_grad', 'Parameter has no .*x.cleargrad'), (model, 'train', "using_config.'train'"),
            (model, 'eval', "Linear has no attribute 'eval'"), (model, 'parameters', 'model.params'),
            (model, 'fit', 'Trainer'), (model, 'summary', 'autograd_nn.summary'),
            (optimizer, 'step', 'optimizer.update'),
            (optimizer, 'zero_grad', 'SGD has no .*cleargrads')]:
        with pytest.raises(AttributeError, match=words):
            getattr(thing, name)
        assert not hasattr(thing, name) and name not in dir(thing)
        assert getattr(thing, name, 3) == 3
    assert {'array', 'backward'} <= set(dir(x)) and {'W', 'params', 'cleargrads'} <= set(dir(model))


def test_users_may_have_these_names():
    class Mixin:
        def fit(self):
            return 'fitted'

        @property
        def summary(self):
            return 'short'

    class Model(ann.Chain, Mixin):
        def __init__(self):
            super().__init__()
            with self.init_scope():
                self.train = L.Linear(2, 2)
            self.cuda = 5

        def predict(self):
            return 'predicted'

    original = Model()
    for model in original, copy.deepcopy(original), original.copy():
        assert (model.fit(), model.summary, model.cuda, model.predict()) == ('fitted', 'short', 5, 'predicted')
        assert model.train.W.shape == (2, 2) and {'fit', 'summary', 'train', 'cuda', 'predict'} <= set(dir(model))
        assert 'eval' not in dir(model)
    assert Model.fit(model) == 'fitted'

    class Dynamic(ann.Link):
        def __getattr__(self, name):
            if name == 'step_by_step' or name == 'eval':
                return 'dynamic'
            raise AttributeError(name)

    assert Dynamic().eval == 'dynamic' and not hasattr(Dynamic(), 'cuda')


@pytest.mark.parametrize('call, words', [
    (lambda: L.Linear(3, 2, bias=False), "Linear: there is no argument 'bias'; here it is called 'nobias', which"),
    (lambda: L.Convolution2D(3, 4, 3, padding=1), "'pad'$"), (lambda: L.Convolution2D(3, 4, kernel_size=3), "'ksize'$"),
    (lambda: L.Convolution2D(3, 4, 3, strid=1), "did you mean 'stride'"),
    (lambda: L.EmbedID(num_embeddings=3), "'in_size'"),
    (lambda: L.BatchNormalization(3, momentum=0.1), "BatchNormalization: .*'decay', which is 1 - PyTorch's"),
    (lambda: L.NStepBiLSTM(1, 2, 3, 0.1, batch_first=True), 'NStepBiLSTM: .*lists of arrays'),
    (lambda: L.Linear(3, 2, nonsense=1), 'it takes in_size, out_size, nobias'),
    (lambda: optimizers.Adam(lr=0.1), "Adam: .*'alpha'"), (lambda: optimizers.SGD(learning_rate=0.1), "'lr'"),
    (lambda: optimizers.SGD(weight_decay=0.1), 'optimizer_hooks.WeightDecay'),
    (lambda: optimizers.AdamW(weight_decay=0.1), "'weight_decay_rate'"),
    (lambda: optimizers.Adam(betas=(0.9, 0.99)), 'beta1 and beta2'),
    (lambda: F.sum(ann.Variable(np.ones(3))).backward(retain_graph=True), "backward: .*'retain_graph'; the graph"),
    (lambda: F.sum(ann.Variable(np.ones(3))).backward(create_graph=True), "'enable_double_backprop'"),
])
def test_arguments(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_other_errors_of_arguments_stay():
    with pytest.raises(TypeError, match='required positional argument'):
        L.EmbedID()

    class Model(L.Linear):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)

    assert Model(3, 2, nobias=True).b is None
    with pytest.raises(TypeError, match=r"Model: there is no argument 'bias'.*'nobias'"):
        Model(3, 2, bias=False)

    def raises(x, **anything):
        raise TypeError('its own')

    with pytest.raises(TypeError, match='its own'):
        hints.explain_arguments(raises)(1, dim=2)


def test_signatures_stay():
    assert [*inspect.signature(L.Linear).parameters] == ['in_size', 'out_size', 'nobias', 'initialW', 'initial_bias']
    assert inspect.signature(ann.Variable.backward).parameters['retain_grad'].default is False
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        pickle.loads(pickle.dumps(L.Linear(3, 2)))
