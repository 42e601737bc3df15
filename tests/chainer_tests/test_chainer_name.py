"""The name `chainer`: the launcher, the alias, the package for an environment, old spellings and pickles."""
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from support import programs

ROOT = programs.ROOT
PICKLES = Path(__file__).parent / 'pickles'


def launch(*words, cwd, **options):
    """Starts ``python -m autograd_nn.chainer``; returns what it prints."""
    done = programs.run_python('-W', 'ignore', '-m', 'autograd_nn.chainer', *words, cwd=cwd, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_text(text, cwd, *words):
    """Runs a program that is a text."""
    (cwd / 'program.py').write_text(text)
    return launch('program.py', *words, cwd=cwd)


def test_a_program_runs_as_under_python(tmp_path):
    output = run_text('''
import json, sys
import neighbour
import chainer
if __name__ == '__main__':
    print(json.dumps([sys.argv, __file__, neighbour.version, chainer.__version__]))
''', tmp_path, '--epoch', '5', '-v') if (tmp_path / 'neighbour.py').write_text(
        'import chainer\nversion = chainer.__version__\n') else None
    assert json.loads(output) == [['program.py', '--epoch', '5', '-v'], 'program.py', '7.8.1', '7.8.1']


def test_commands_and_modules(tmp_path):
    assert launch('-c', 'import sys, chainer; print(sys.argv, chainer.functions.relu)', 'a', cwd=tmp_path).startswith(
        "['-c', 'a'] <function relu")
    (tmp_path / 'package').mkdir()
    (tmp_path / 'package/__main__.py').write_text('import sys, chainer; print(sys.argv[1:], chainer.__version__)')
    assert launch('-m', 'package', '-x', cwd=tmp_path) == "['-x'] 7.8.1\n"


def test_processes_that_a_program_starts_find_the_name(tmp_path):
    assert run_text('''
import multiprocessing, subprocess, sys
import chainer

def version(_):
    return chainer.__version__

if __name__ == '__main__':
    for method in 'fork', 'spawn':
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(*pool.map(version, [0]))
    subprocess.run([sys.executable, '-W', 'ignore', '-c', 'import chainer; print(chainer.__version__)'])
''', tmp_path).split() == ['7.8.1'] * 3


@pytest.mark.parametrize('words, expected', [
    ([], 'a program is missing'), (['nothing.py'], 'no file nothing.py'), (['-m'], '-m needs an argument'),
    (['--nothing', 'x.py'], 'unrecognized arguments: --nothing'), (['--install', '--uninstall'], 'not allowed with')])
def test_mistakes(words, expected, tmp_path):
    done = programs.run_python('-m', 'autograd_nn.chainer', *words, cwd=tmp_path)
    assert done.returncode and expected in done.stderr and 'Traceback' not in done.stderr


def test_modules_are_the_same_objects(tmp_path):
    run_text('''
from unittest import mock
import autograd_nn
import chainer, chainer.links as L
import chainer.training.extensions
from chainer.functions.activation import relu
from chainer.functions.connection.convolution_2d import convolution_2d, Convolution2DFunction
from chainer.training.updaters.standard_updater import StandardUpdater
import chainer.functions.math.basic_math, chainer.configuration, chainer.training.updater, chainer.training.util
import numpy as np

assert chainer is not autograd_nn and chainer.__version__ != autograd_nn.__version__
assert L is autograd_nn.links and chainer.training.extensions is autograd_nn.training.extensions
assert isinstance(autograd_nn.links.Linear(2, 2), chainer.links.connection.linear.Linear)
assert relu.relu(chainer.Variable(np.ones(1))).creator.__class__ is relu.ReLU
x = chainer.Variable(np.ones((1, 1, 3, 3), 'f'))
assert isinstance(convolution_2d(x, x).creator, Convolution2DFunction)
assert StandardUpdater is autograd_nn.training.updaters.StandardUpdater
assert chainer.basic_math.Add is chainer.functions.math.basic_math.Add
assert chainer.functions.array.repeat.Repeat(2, 0).apply((np.ones(1),))[0].shape == (2,)

with mock.patch('chainer.functions.relu', 7), mock.patch('chainer.get_device', 8):
    assert autograd_nn.functions.relu == 7 and autograd_nn.get_device == 8
try:
    chainer.functions.nothing
except AttributeError as error:
    assert 'nothing' in str(error)
for missing in 'chainer.nothing', 'chainer.functions.nothing', 'chainer.functions.activation.nothing':
    try:
        __import__(missing)
    except ModuleNotFoundError as error:
        assert error.name == missing, error.name
    else:
        raise AssertionError(missing)
''', tmp_path)


def test_what_is_gone(tmp_path):
    run_text('''
import chainer, chainerx, numpy as np
from chainer.backends import intel64
assert not chainerx.is_available() and not isinstance(np.ones(1), chainerx.ndarray)
assert not intel64.is_ideep_available()
for name, call in {
        'no ChainerX': lambda: chainerx.array, 'Theano is gone': lambda: chainer.links.theano.TheanoFunction(1),
        'iDeep': intel64.check_ideep_available}.items():
    try:
        call()
    except (AttributeError, RuntimeError) as error:
        assert name in str(error)
    else:
        raise AssertionError(name)
''', tmp_path)


def test_names_of_numpy_1(tmp_path):
    program = 'import numpy as np; print(np.float(1), np.product([2, 3]), np.asfarray([1]).dtype, np.bool(1))'
    done = programs.run_python('-m', 'autograd_nn.chainer', '--numpy1-names', '-c', program, cwd=tmp_path)
    assert done.stdout.split() == ['1.0', '6', 'float64', 'True'] and 'names of its first versions' in done.stderr


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    """The Python of an environment that has what this one has; and where its packages are."""
    root = tmp_path_factory.mktemp('environment')
    venv.create(root, symlinks=True)
    packages = next(root.glob('lib/python*/site-packages'))
    (packages / 'others.pth').write_text(''.join(f'{path}\n' for path in [ROOT, *sys.path] if Path(path).is_dir()))
    return root / 'bin/python', packages


def test_installed(environment, tmp_path):
    python, packages = environment

    def call(*words, **options):
        return subprocess.run([python, '-W', 'ignore', *words], cwd=tmp_path, capture_output=True, text=True,
                              check=False, **options)

    installed = call('-m', 'autograd_nn.chainer', '--install')
    assert 'is installed' in installed.stdout, installed.stderr
    assert 'there already' in call('-m', 'autograd_nn.chainer', '--install').stdout
    program = ('import chainer, chainermn, chainerx; from importlib.metadata import version; '
               'print(chainer.__version__, version("chainer"), chainerx.is_available())')
    assert call('-c', program).stdout.split() == ['7.8.1', '7.8.1+autogradnn', 'False']
    record = (packages / 'chainer-7.8.1+autogradnn.dist-info/RECORD').read_text()
    assert {line.split(',')[0] for line in record.splitlines()} == {
        str(path.relative_to(packages)) for path in packages.rglob('*')
        if path.is_file() and 'chainer' in path.parts[-2] and path.suffix != '.pyc'}
    assert 'is removed' in call('-m', 'autograd_nn.chainer', '--uninstall').stdout
    assert not list(packages.glob('chainer*'))
    nothing = call('-m', 'autograd_nn.chainer', '--uninstall')
    assert nothing.returncode and 'no chainer' in nothing.stderr and 'Traceback' not in nothing.stderr


def test_a_real_chainer_is_left_alone(environment, tmp_path):
    python, packages = environment
    real = packages / 'chainer-6.0.0.dist-info'
    real.mkdir()
    (real / 'METADATA').write_text('Metadata-Version: 2.1\nName: chainer\nVersion: 6.0.0\n')
    try:
        for word in '--install', '--uninstall':
            done = subprocess.run([python, '-m', 'autograd_nn.chainer', word], cwd=tmp_path, capture_output=True,
                                  text=True, check=False)
            assert done.returncode and 'chainer 6.0.0' in done.stderr and 'Traceback' not in done.stderr
        assert sorted(path.name for path in packages.glob('chainer*')) == [real.name]
    finally:
        (real / 'METADATA').unlink()
        real.rmdir()


def test_a_notebook(tmp_path):
    done = programs.run_python('-c', 'import autograd_nn.chainer, chainer; print(chainer.__version__)', cwd=tmp_path,
                               env={**os.environ, 'PYTHONWARNINGS': 'error'})
    assert done.stdout == '7.8.1\n', done.stderr


def test_spellings_of_chainer_1(tmp_path):
    """A model that learns, in the words of Chainer 1.2; each is warned of once."""
    (tmp_path / 'program.py').write_text('''
import numpy as np
import chainer
import chainer.functions as F
from chainer import optimizers, Variable

np.random.seed(0)
model = chainer.FunctionSet(l1=F.Linear(20, 30), bn=F.BatchNormalization(30),
                            l2=F.Linear(30, 30, wscale=4, bias=.1), l3=F.Linear(30, 3))
assert (model.l2.b.data == np.float32(.1)).all() and abs(model.l2.W.data.std() * 30 ** .5 - 2) < .3
assert [g.shape for g in model.gradients] == [p.shape for p in model.parameters]

def forward(x, t, train=True):
    x, t = Variable(x, volatile=not train), Variable(t, volatile=not train)
    h = F.dropout(F.relu(model.l1(x), use_cudnn=False), train=train)
    h = F.dropout(F.relu(model.l2(model.bn(h, test=not train))), 0.1, train)
    y = model.l3(h)
    return F.softmax_cross_entropy(y, t, use_cudnn=False), F.accuracy(y, t)

optimizer = optimizers.Adam(alpha=.01)
optimizer.setup(model.collect_parameters())
random = np.random.RandomState(0)
x, t = random.rand(50, 20).astype(np.float32), random.randint(0, 3, 50).astype(np.int32)
for _ in range(100):
    optimizer.zero_grads()
    loss, accuracy = forward(x, t)
    loss.backward()
    optimizer.weight_decay(1e-4)
    optimizer.clip_grads(10)
    optimizer.update()
norm = sum((g ** 2).sum() for g in model.gradients) ** .5
assert abs(optimizer.compute_grads_norm() - norm) < 1e-4 * norm
assert forward(x, t, train=False)[1].data > .9
assert forward(x, t, train=False)[0].data == forward(x, t, train=False)[0].data   # no dropout
other = model.copy()
other.copy_parameters_from([np.zeros_like(p) for p in model.parameters])
assert not other.l1.W.data.any()
optimizer.accumulate_grads([np.ones_like(g) for g in model.gradients])

pictures = Variable(random.rand(2, 3, 8, 8).astype('f'), chainer.OFF)
y = F.MaxPooling2D(2, 2)(F.Sigmoid()(F.Convolution2D(3, 4, 3, pad=1, use_cudnn=False)(pictures)))
assert y.data.shape == (2, 4, 4, 4) and F.Concat(1)(y, y).data.shape == (2, 8, 4, 4) and y.volatile == 'off'
layers = chainer.Sequential(chainer.links.Convolution2D(3, 4, 3), F.relu, chainer.links.BatchNormalization(4))
layers(pictures)
''')
    done = programs.run_python('-m', 'autograd_nn.chainer', 'program.py', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if 'DeprecationWarning' in line]
    for spelling in ('functions.Linear', 'Linear(wscale', 'Linear(bias', 'Variable(volatile', 'dropout(train',
                     'BatchNormalization(test', 'relu(use_cudnn', 'zero_grads', 'clip_grads', 'weight_decay',
                     'functions.MaxPooling2D', 'Convolution2D(use_cudnn'):
        assert len([line for line in warnings if f'Warning: {spelling}' in line.replace('optimizer.', '')]) == 1
    assert all(line.startswith('program.py:') for line in warnings)


def test_volatile_variables(tmp_path):
    run_text('''
import copy, pickle
import numpy as np
import chainer, chainer.flag
import chainer.functions as F, chainer.links as L
from chainer import Variable

layer, rnn = L.Linear(2, 3), L.LSTM(3, 2)
x = Variable(np.ones((4, 2), 'f'), volatile='on')
h = F.sigmoid(rnn(layer(x)))
assert h.volatile and h.creator is None and not h.requires_grad and h.volatile == chainer.ON == 'on' == chainer.ON
y, z = F.split_axis(rnn(layer(x)) + 1, 2, 1)
assert z.volatile is chainer.ON and rnn.h.volatile == True and str(z.volatile) == 'ON'
assert F.BatchNormalization(2)(h, test=True).creator is None
assert layer.W.volatile is chainer.AUTO and layer.W.volatile == None != chainer.OFF
for each in Variable(x.data), Variable(x.data, volatile=False), Variable(x.data, 'auto'), Variable(x.data, chainer.OFF):
    y = layer(each)
    assert not y.volatile and y.creator is not None and y.volatile is chainer.OFF
    y.volatile = True
    assert F.exp(y).volatile
y.volatile = 'off'
F.sum(F.exp(y)).backward()
assert layer.W.grad.any()
for again in copy.deepcopy(x), pickle.loads(pickle.dumps(x)):
    assert again.volatile and layer(again).creator is None

class Double(chainer.Function):
    def forward(self, inputs):
        return inputs[0] * 2,

    def backward(self, inputs, grads):
        return grads[0] * 2,

assert Double()(x).volatile and Double()(x).creator is None and Double()(layer.W).creator is not None
labels = Variable(np.zeros(4, 'i'), volatile='on')
assert labels.volatile and F.softmax_cross_entropy(layer(x), labels).volatile
assert chainer.flag.Flag('on') is chainer.flag.Flag(True) is chainer.ON and {chainer.ON: 1}[chainer.ON]
assert chainer.ON != 'volatile' and pickle.loads(pickle.dumps(chainer.AUTO)) is chainer.AUTO
for wrong in lambda: bool(chainer.AUTO), lambda: Variable(x.data, volatile='maybe'):
    try:
        wrong()
    except ValueError:
        pass
    else:
        raise AssertionError
''', tmp_path)


def test_graphs_with_split_nodes(tmp_path):
    run_text('''
import numpy as np
import chainer, chainer.functions as F
import chainer.computational_graph as c
y = F.exp(chainer.Variable(np.ones(2)))
assert c.build_computational_graph((y,), False).dump() == c.build_computational_graph((y,), remove_split=True).dump()
''', tmp_path)


def test_random_numbers_and_orders_of_chainer(tmp_path):
    """What Chainer 7.8.1 computes with this seed, whatever this package has for orders without the name."""
    run_text('''
import numpy as np
import chainer, chainer.functions as F, chainer.links as L
from chainer.training import extensions

np.random.seed(0)
layer = L.LSTM(2, 1)
np.testing.assert_allclose(layer.upward.W.array.ravel(), [
    0.2829539, 0.6920723, 1.320563, -0.6910398, -0.10702571, -0.07298675, 0.10185418, 1.0283266], rtol=1e-6)
np.testing.assert_allclose(layer.lateral.W.array.ravel(), [1.7640524, 2.2408931, 0.95008844, 0.41059852], rtol=1e-6)
lazy = L.LSTM(None, 3, lateral_init=1, upward_init=2, bias_init=3, forget_bias_init=4)
assert (lazy.lateral.W.array == 1).all() and not lazy.upward.W.is_initialized
lazy(np.ones((1, 2), 'f'))
assert (lazy.upward.W.array == 2).all() and lazy.upward.b.array[:4].tolist() == [3, 3, 4, 3]
assert L.LSTM(2, 1, chainer.initializers.Normal(dtype='d')).lateral.W.dtype == 'd'
assert (layer.copy('init').lateral.W.array != layer.lateral.W.array).all()

np.random.seed(0)
assert int(F.dropout(np.ones(100000, 'f'), .3).array.sum()) == 99838
for iterator in chainer.iterators.SerialIterator, chainer.iterators.MultithreadIterator:
    np.random.seed(0)
    assert iterator(range(7), 3).next() == [6, 2, 1]
np.random.seed(0)
d = chainer.distributions.Categorical(np.full((3, 4), .25, 'f'))
assert d.sample(2).array.tolist() == [[2, 2, 1], [2, 2, 2]]

class Model(chainer.Chain):
    def __init__(self):
        super().__init__()
        self.add_persistent('state', 0)
        with self.init_scope():
            self.z = chainer.Parameter(0., (1,))
            self.l10 = L.Linear(1, 1)
            self.a = chainer.Parameter(0., (1,))
            self.l2 = L.Linear(1, 1)

    def forward(self, x):
        chainer.report({'mean': x.mean()}, self)

model = Model()
assert [name for name, _ in model.namedparams()] == ['/a', '/z', '/l10/W', '/l10/b', '/l2/W', '/l2/b']
assert [param.name for param in model.params()] == ['a', 'z', 'W', 'b', 'W', 'b']
assert [name for name, _ in model.namedlinks()] == ['/', '/l10', '/l2']
assert [link.name for link in chainer.Chain(b=L.Linear(1, 1), a=L.Linear(1, 1)).children()] == ['a', 'b']
iterator = chainer.iterators.SerialIterator(np.arange(5.), 2, repeat=False, shuffle=False)
assert abs(extensions.Evaluator(iterator, model)()['main/mean'] - 7 / 3) < 1e-6
''', tmp_path)


@pytest.mark.parametrize('version', ['1.24.0', '4.5.0', '7.8.1'])
def test_pickled_models(version, tmp_path):
    """Chainer has computed -0.540037 of these weights and this input."""
    run_text(f'''
import pickle
import numpy as np
import chainer, chainer.functions as F
model = pickle.load(open({str(PICKLES / f"chain_{version}.pkl")!r}, 'rb'))

def forward():
    model.s[1].reset_state()
    h = model.bn(model.c(np.arange(9, dtype='f').reshape(1, 1, 3, 3) / 9))
    return model.s[1](model.s[0](h))

with chainer.using_config('train', False):
    assert abs(forward().array - -0.540037) < 1e-6
if {version!r} != '1.24.0':
    assert model.later(np.ones((1, 5), 'f')).array.all()
optimizer = chainer.optimizers.Adam().setup(model)
F.sum(forward()).backward()
optimizer.update()
again = pickle.loads(pickle.dumps(model))
assert np.isfinite(again.c.W.array).all() and (again.c.W.array == model.c.W.array).all()
assert again.bn.avg_mean is not model.bn.avg_mean
''', tmp_path)


def test_other_pickled_models(tmp_path):
    run_text(f'''
import pickle
import numpy as np
model = pickle.load(open({str(PICKLES / "function_set_1.24.0.pkl")!r}, 'rb'))
assert model.l2(model.l1(np.ones((1, 2), 'f'))).data == 5 * 3 + 6 * 7
model = pickle.load(open({str(PICKLES / "sequential_7.8.1.pkl")!r}, 'rb'))
assert (model(np.ones((1, 2), 'f')).array == [0, 7]).all()
''', tmp_path)


def test_examples_in_docstrings(tmp_path):
    launch('-c', '''
import doctest
from autograd_nn.chainer import chainercv_nms, function_set, paths
for module in chainercv_nms, function_set, paths:
    result = doctest.testmod(module)
    assert result.attempted and not result.failed, module
''', cwd=tmp_path)
