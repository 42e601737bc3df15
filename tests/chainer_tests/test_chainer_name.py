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


def launch_text(text, cwd, *words):
    """Starts it with a program that is a text."""
    (cwd / 'program.py').write_text(text)
    return launch('program.py', *words, cwd=cwd)


@pytest.fixture(scope='module')
def copies():
    with programs.Copies('from autograd_nn.chainer.__main__ import main', '-W', 'ignore') as started:
        yield started


@pytest.fixture
def run_text(copies, tmp_path):
    """Runs a program that is a text, in a copy of a process that has begun as `launch` does."""
    def run(text):
        (tmp_path / 'program.py').write_text(text)
        done = copies.run('program.py', cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    return run


def test_a_program_runs_as_under_python(tmp_path):
    (tmp_path / 'neighbour.py').write_text('import chainer\nversion = chainer.__version__\n')
    output = launch_text('''
import json, sys
import neighbour
import chainer
if __name__ == '__main__':
    print(json.dumps([sys.argv, __file__, neighbour.version, chainer.__version__]))
''', tmp_path, '--epoch', '5', '-v')
    assert json.loads(output) == [['program.py', '--epoch', '5', '-v'], str(tmp_path / 'program.py'), '7.8.1', '7.8.1']


def test_the_module_of_a_program_stays_until_the_end(tmp_path):
    program = '''
import atexit, pickle, threading, time
import chainer

class Model(chainer.Chain):
    pass

def use(first):
    assert pickle.loads(pickle.dumps(Model())).xp
    print(first, sorted(name for name in globals() if not name.startswith('_')))

def wait(x: int) -> None:
    time.sleep(0.2)
    use(wait.__annotations__)

atexit.register(use, 'end')
threading.Thread(target=wait, args=[0]).start()
'''
    (tmp_path / 'program.py').write_text(program)
    expected = "['Model', 'atexit', 'chainer', 'pickle', 'threading', 'time', 'use', 'wait']\n"
    for words in ['program.py'], ['-m', 'program'], ['-c', program]:
        assert launch(*words, cwd=tmp_path) == \
            f"{{'x': <class 'int'>, 'return': None}} {expected}end {expected}"


def test_commands_and_modules(copies, tmp_path):
    done = copies.run('-c', 'import sys, chainer; print(sys.argv, chainer.functions.relu)', 'a', cwd=tmp_path)
    assert done.stdout.startswith("['-c', 'a'] <function relu"), done.stderr
    (tmp_path / 'package').mkdir()
    (tmp_path / 'package/__main__.py').write_text('import sys, chainer; print(sys.argv[1:], chainer.__version__)')
    done = copies.run('-m', 'package', '-x', cwd=tmp_path)
    assert done.stdout == "['-x'] 7.8.1\n", done.stderr


def test_processes_that_a_program_starts_find_the_name(tmp_path):
    assert launch_text('''
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
def test_mistakes(words, expected, copies, tmp_path):
    done = copies.run(*words, cwd=tmp_path)
    assert done.returncode and expected in done.stderr and 'Traceback' not in done.stderr


def test_modules_are_the_same_objects(run_text):
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
''')


def test_specs(run_text):
    run_text('''
import importlib.util
find_spec = importlib.util.find_spec
assert find_spec('chainer').name == 'chainer' and find_spec('chainer.functions') and not find_spec('chainer.nothing')
import chainer
assert find_spec('chainer').submodule_search_locations is not None
assert importlib.reload(chainer) is chainer and chainer.links.Linear is importlib.import_module('chainer.links').Linear
''')


def test_tables_by_classes_of_nodes(run_text):
    """As hooks have them that count operations."""
    run_text('''
import numpy as np
import chainer, chainer.functions as F
from chainer.functions.connection.convolution_2d import Convolution2DFunction
from chainer.functions.pooling.max_pooling_2d import MaxPooling2D

x = chainer.Variable(np.ones((1, 1, 4, 4), 'f'))
table = {Convolution2DFunction: 1, MaxPooling2D: 2}
assert table[type(F.convolution_2d(x, x).creator)] == 1 and table[type(F.max_pooling_2d(x, 2).creator)] == 2
assert Convolution2DFunction != MaxPooling2D
''')


def test_what_is_gone(run_text):
    run_text('''
import chainer, chainerx, numpy as np
from chainer.backends import intel64
assert not chainerx.is_available() and not isinstance(np.ones(1), chainerx.ndarray)
assert not intel64.is_ideep_available() and intel64.Intel64Device is chainer.backend.Intel64Device
for name, call in {
        'no ChainerX': lambda: chainerx.array, 'Theano is gone': lambda: chainer.links.theano.TheanoFunction(1),
        'iDeep': intel64.check_ideep_available}.items():
    try:
        call()
    except (AttributeError, RuntimeError) as error:
        assert name in str(error)
    else:
        raise AssertionError(name)
''')


def test_names_of_numpy_1(tmp_path):
    program = 'import numpy as np; print(np.float(1), np.product([2, 3]), np.asfarray([1]).dtype, np.bool(1), ' \
        'int(np.ones((1, 1))))'
    done = programs.run_python('-m', 'autograd_nn.chainer', '--numpy1-names', '-c', program, cwd=tmp_path)
    assert done.stdout.split() == ['1.0', '6', 'float64', 'True', '1'] and 'names of its first versions' in done.stderr


def test_processes_have_names_of_numpy_1(tmp_path):
    (tmp_path / 'program.py').write_text('''
import multiprocessing
import numpy as np
import chainer
dtype = np.float

def product(x):
    return np.product(x)

if __name__ == '__main__':
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(pool.map_async(product, [[2, 3]]).get(timeout=60))
''')
    assert launch('--numpy1-names', 'program.py', cwd=tmp_path) == '[np.int64(6)]\n'


def test_variables_of_the_environment(tmp_path, monkeypatch):
    for name, value in {'DTYPE': 'mixed16', 'DEBUG': '1', 'TYPE_CHECK': '0', 'USE_CUDNN': 'never',
                        'DATASET_ROOT': str(tmp_path / 'data')}.items():
        monkeypatch.setenv(f'CHAINER_{name}', value)
    monkeypatch.setenv('AUTOGRAD_NN_DEBUG', '0')
    launch_text(f'''
import chainer
config = chainer.config
assert [config.dtype, config.debug, config.type_check, config.use_cudnn] == [chainer.mixed16, False, False, 'never']
assert not config.keep_graph_on_report
assert chainer.dataset.get_dataset_root() == {str(tmp_path / 'data')!r}
''', tmp_path)


def test_processes_find_the_name_before_another_chainer(tmp_path, monkeypatch):
    (tmp_path / 'other/chainer').mkdir(parents=True)
    (tmp_path / 'other/chainer/__init__.py').write_text('raise ImportError("that of somebody else")')
    paths = [str(tmp_path / 'other'), os.environ.get('PYTHONPATH', '')]
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(filter(None, paths)))
    assert launch_text('''
import multiprocessing
import chainer

def version(_):
    return chainer.__version__

if __name__ == '__main__':
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(pool.map_async(version, [0]).get(timeout=60))
''', tmp_path) == "['7.8.1']\n"


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
    assert all(line.startswith(f"{tmp_path / 'program.py'}:") for line in warnings)


def test_graphs_with_split_nodes(run_text):
    run_text('''
import numpy as np
import chainer, chainer.functions as F
import chainer.computational_graph as c
y = F.exp(chainer.Variable(np.ones(2)))
assert c.build_computational_graph((y,), False).dump() == c.build_computational_graph((y,), remove_split=True).dump()
''')


@pytest.mark.parametrize('version', ['1.24.0', '4.5.0', '7.8.1'])
def test_pickled_models(version, run_text):
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
''')


def test_other_pickled_models(run_text):
    run_text(f'''
import pickle
import numpy as np
model = pickle.load(open({str(PICKLES / "function_set_1.24.0.pkl")!r}, 'rb'))
assert model.l2(model.l1(np.ones((1, 2), 'f'))).data == 5 * 3 + 6 * 7
model = pickle.load(open({str(PICKLES / "sequential_7.8.1.pkl")!r}, 'rb'))
assert (model(np.ones((1, 2), 'f')).array == [0, 7]).all()
''')


def test_pickled_hooks_and_normalizations(run_text):
    """Chainer has computed these numbers of the same model and input."""
    run_text(f'''
import pickle
import numpy as np
import chainer
model = pickle.load(open({str(PICKLES / "normalizations_7.8.1.pkl")!r}, 'rb'))
x = np.arange(16, dtype='f').reshape(2, 2, 2, 2) % 5
with chainer.using_config('train', False):
    y = model(x).array.ravel()
assert abs(y[:4] - [-0.0781, -0.5853, -1.0602, 5.0070]).max() < 1e-3, y
model(x)
assert [hook.name for link in model for hook in link.local_link_hooks.values()] == [
    'SpectralNormalization', 'WeightStandardization']
assert [name for name, _ in model[0].namedparams()] == ['/W', '/b', '/gamma']
model[0].delete_hook('SpectralNormalization')
assert not hasattr(model[0], 'gamma') and not hasattr(model[0], 'W_u')
''')


@pytest.mark.parametrize('version', ['1.24.0', '4.5.0', '7.8.1'])
def test_pickled_links_and_optimizers(version, run_text):
    """The file has a number with each link, which Chainer has computed of it."""
    run_text(f'''
import pickle
import numpy as np
import chainer.functions as F

x, t = np.arange(6, dtype='f').reshape(2, 3) / 6, np.array([1, 0])

def loss(name, link):
    if name.endswith('ND'):
        return F.sum(link(x.reshape(1, 2, 3)) ** 2)
    if name == 'Deconvolution2D':
        return F.sum(link(x.reshape(1, 1, 2, 3)) ** 2)
    if name == 'StatelessGRU':
        return F.sum(link(x[:, :2], x))
    if name == 'StatefulMGU':
        return F.sum(link(x))
    return link(x, t) * (name != 'NegativeSampling')  # this one draws numbers

for name, pickled, expected in pickle.load(open({str(PICKLES / f"links_{version}.pkl")!r}, 'rb')):
    made = pickle.loads(pickled)
    for made in made, pickle.loads(pickle.dumps(made)):
        if name == 'SGD':
            link, optimizer = made
            link.zerograds()
            F.sum(link(x)).backward()
            optimizer.update()
            assert optimizer.t == 4 and optimizer.lr == 0.25 and optimizer.target is link
            value = link.W.array.sum()
        else:
            value = loss(name, made).array
            loss(name, made).backward()
        assert abs(value - expected) < 1e-5, (name, value, expected)
''')


def test_old_arguments_without_names(run_text):
    run_text('''
import numpy as np
import chainer.functions as F
import chainer.links as L

x = np.arange(64, dtype='f').reshape(1, 4, 4, 4)
np.testing.assert_array_equal(F.relu(x, False).array, x)
np.testing.assert_array_equal(F.average_pooling_2d(x, 2, 2, 0, True).array, F.average_pooling_2d(x, 2).array)
np.testing.assert_array_equal(F.zoneout(x, x, 0.5, False).array, x)
expected = F.spatial_pyramid_pooling_2d(x, 2, 'max').array
np.testing.assert_array_equal(F.spatial_pyramid_pooling_2d(x, 2, F.MaxPooling2D).array, expected)
np.testing.assert_array_equal(F.spatial_pyramid_pooling_2d(x, 2, pooling_class=F.MaxPooling2D).array, expected)
bn = L.BatchNormalization(4)
bn(x, False, True)
assert bn.N == 1
''')


def test_old_arguments_in_the_place_of_others(tmp_path):
    """Calls of Chainer 1 whose last arguments mean something else in that place today, or are too many."""
    (tmp_path / 'program.py').write_text('''
import numpy as np
import chainer.functions as F

x, W = np.arange(100, dtype='f').reshape(1, 4, 5, 5) % 7, np.arange(36, dtype='f').reshape(1, 4, 3, 3)
gamma, beta, y, t = np.full(4, 2, 'f'), np.ones(4, 'f'), x.reshape(25, 4), np.array([-1, 0, 1, 2, 3] * 5)
calls = [
    (F.batch_normalization(x, gamma, beta, 1e-3, None, None, .9, False), F.batch_normalization(x, gamma, beta, 1e-3)),
    (F.fixed_batch_normalization(x, gamma, beta, beta, gamma, 1e-3, True),
     F.fixed_batch_normalization(x, gamma, beta, beta, gamma, 1e-3)),
    (F.log_softmax(y, False), F.log_softmax(y)), (F.softmax(y, True), F.softmax(y)),
    (F.average_pooling_nd(x, 2, 2, 1, True), F.average_pooling_nd(x, 2, 2, 1)),
    (F.convolution_2d(x, W, None, 2, 1, True, False), F.convolution_2d(x, W, stride=2, pad=1)),
    (F.convolution_2d(x[:, :, :4], W, None, 2, 0, False, True, True),
     F.convolution_2d(x[:, :, :4], W, stride=2, cover_all=True)),
    (F.deconvolution_2d(x, W.reshape(4, 1, 3, 3), None, 1, 1, None, False, True),
     F.deconvolution_2d(x, W.reshape(4, 1, 3, 3), pad=1)),
    (F.softmax_cross_entropy(y, t, True, False, True), F.softmax_cross_entropy(y, t, normalize=False)),
    (F.sigmoid_cross_entropy(y[:, 0], t, False, False), F.sigmoid_cross_entropy(y[:, 0], t, normalize=False)),
    (F.softmax_cross_entropy(y, t, False), F.softmax_cross_entropy(y, t, normalize=False)),  # that is Chainer 7's
]
for old, new in calls:
    np.testing.assert_array_equal(old.array, new.array)
lstm = 2, .5, np.ones((2, 1, 4), 'f'), np.ones((2, 1, 4), 'f'), [[W[0, :, 0, :1] * np.ones(4, 'f')] * 8] * 2, \\
    [[beta] * 8] * 2, [y[:1], y[1:2]]
old, again = (F.n_step_lstm(*lstm, False, True)[1].array for _ in range(2))  # without dropout
np.testing.assert_array_equal(old, again)
try:
    F.batch_normalization(x, gamma, beta, 1e-3, None, None, .9, None, True)
except TypeError:
    pass
else:
    assert False
''')
    done = programs.run_python('-m', 'autograd_nn.chainer', 'program.py', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count('Warning: batch_normalization(use_cudnn=...) is of an early version of Chainer') == 1


def test_the_gru_of_chainer_1(run_text):
    run_text('''
import numpy as np
import chainer.links as L

h, x = np.zeros((2, 4), 'f'), np.ones((2, 3), 'f')
for use in lambda: L.GRU(4, 3)(h, x), lambda: L.GRU(4), lambda: L.GRU(n_units=4, n_inputs=3):
    try:
        use()
    except TypeError as error:
        assert 'is of Chainer 1: write StatelessGRU(n_inputs, n_units)' in str(error), error
    else:
        assert False
gru = L.GRU(3, out_size=4)
assert gru(x).shape == gru(x=x).shape == L.GRU(None, 4)(x).shape == (2, 4)
''')


def test_examples_in_docstrings(run_text):
    run_text('''
import doctest
from autograd_nn.chainer import chainercv_nms, flag, function_set, helpers, paths
for module in chainercv_nms, flag, function_set, helpers, paths:
    result = doctest.testmod(module)
    assert result.attempted and not result.failed, module
''')


def test_classes_of_nodes_are_made_as_those_of_chainer(run_text):
    run_text('''
import numpy as np
import chainer
import chainer.functions as F
from chainer.functions.activation.leaky_relu import LeakyReLU
from chainer.functions.array.concat import Concat
from chainer.functions.connection.convolution_2d import Convolution2DFunction
from chainer.functions.connection.convolution_nd import ConvolutionND
from chainer.functions.loss.softmax_cross_entropy import SoftmaxCrossEntropy
from chainer.functions.math.matmul import MatMul
from chainer.functions.math.sum import Sum
from chainer.functions.normalization.batch_normalization import BatchNormalizationFunction
from chainer.functions.pooling.average_pooling_2d import AveragePooling2D
from chainer.functions.pooling.max_pooling_2d import MaxPooling2D
from chainer.functions.pooling.max_pooling_nd import MaxPoolingND

x = chainer.Variable(np.arange(32, dtype='f').reshape(1, 2, 4, 4) % 7 - 3)
W, b, t = np.arange(36, dtype='f').reshape(2, 2, 3, 3), np.ones(2, 'f'), np.array([1, 0, 2, 3])
ones, zeros = np.ones(2, 'f'), np.zeros(2, 'f')
for made, of, expected in [
        (MaxPooling2D(2), [x], F.max_pooling_2d(x, 2)), (MaxPoolingND(2, 3, stride=1), [x], F.max_pooling_nd(x, 3, 1)),
        (AveragePooling2D(2, 2, 0, False), [x], F.average_pooling_2d(x, 2)),
        (Convolution2DFunction(1, 1, False), [x, W], F.convolution_2d(x, W, pad=1)),
        (Convolution2DFunction(pad=1), [x, W, b], F.convolution_2d(x, W, b, pad=1)),
        (ConvolutionND(ndim=2, pad=1), [x, W, b], F.convolution_2d(x, W, b, pad=1)),
        (SoftmaxCrossEntropy(normalize=False), [x[0, 0], t], F.softmax_cross_entropy(x[0, 0], t, normalize=False)),
        (MatMul(transb=True), [x[0, 0], x[0, 1]], F.matmul(x[0, 0], x[0, 1], transb=True)),
        (Sum(axis=1), [x], F.sum(x, 1)), (Concat(), [x, x], F.concat([x, x])), (LeakyReLU(), [x], F.leaky_relu(x)),
        (BatchNormalizationFunction(2e-5, zeros.copy(), ones.copy(), 0.9), [x, ones, zeros],
         F.batch_normalization(x, ones, zeros))]:
    y, = made.apply(of)
    np.testing.assert_array_equal(y.array, expected.array)
    np.testing.assert_array_equal(made(*of).array, expected.array)
    assert isinstance(expected.creator, type(made)) and isinstance(made, type(made))
    assert not isinstance(F.relu(x).creator, type(made))
pool = MaxPooling2D(2, 2)
y = pool(x)
assert F.upsampling_2d(y, pool.indexes, 2, outsize=(4, 4)).array.sum() == y.array.sum()
''')


def test_classes_of_nodes_are_those_of_chainer_1_too(run_text):
    run_text('''
import numpy as np
import chainer
import chainer.functions as F
from chainer.functions.activation.relu import ReLU
from chainer.functions.activation.sigmoid import Sigmoid
from chainer.functions.array.depth2space import Depth2Space
from chainer.functions.pooling.max_pooling_2d import MaxPooling2D

x = chainer.Variable(np.ones((1, 4, 4, 4), 'f'))
nodes = [F.relu(x).creator, F.sigmoid(x).creator, F.max_pooling_2d(x, 2).creator, F.concat((x, x)).creator]
classes = [F.ReLU, F.Sigmoid, F.MaxPooling2D, F.Concat]
assert [[isinstance(node, each) for each in classes] for node in nodes] == np.eye(4).tolist()
assert [type(node) for node in nodes] == classes == [F.ReLU, F.Sigmoid, F.MaxPooling2D, F.Concat]
assert F.ReLU is F.ReLU and F.ReLU == ReLU and F.Sigmoid == Sigmoid
assert F.MaxPooling2D is MaxPooling2D and F.Depth2Space is Depth2Space
counts = {F.ReLU: 1, MaxPooling2D: 2}
assert [counts.get(type(node)) for node in nodes] == [1, None, 2, None]
assert F.Sigmoid(use_cudnn=False)(x).shape == x.shape and F.Depth2Space(2)(x).shape == (1, 1, 8, 8)
''')


def test_functions_in_their_own_modules_take_old_arguments(run_text):
    run_text('''
import numpy as np
import chainer.functions as F
from chainer.functions.activation import relu
from chainer.functions.noise import dropout

assert relu.relu is F.relu and dropout.dropout is F.dropout
assert relu.relu(np.ones(3, 'f'), use_cudnn=False).array.sum() == 3
assert dropout.dropout(np.ones(30, 'f'), 0.5, False).array.sum() == 30
''')


def test_a_star_brings_the_modules(run_text):
    run_text('''
from chainer import *
links.Linear(2, 1), variable.Variable, backend.get_array_module, reporter.Reporter, link.Chain, Chain, cuda.to_cpu
''')


def test_what_is_computed_of_volatile_variables_is_volatile(run_text):
    run_text('''
import pickle
import numpy as np
import chainer
import chainer.functions as F
import chainer.links as L

x = chainer.Variable(np.array([1], 'i'), volatile='on')
y = F.relu(L.Linear(3, 2)(L.EmbedID(4, 3)(x)) * 2)
assert x.volatile and y.volatile == 'on' and y.creator is None
assert pickle.loads(pickle.dumps(y)).volatile is chainer.ON

t = chainer.Variable(np.array([1], 'i'))  # no gradient, but not volatile
assert not t.volatile and t.volatile == chainer.OFF == False != 'on'
w = chainer.Variable(np.ones(2, 'f'), volatile=t.volatile)
F.sum(w * w).backward()
assert w.grad.tolist() == [2, 2]
w.volatile = True
assert (w * 2).creator is None
w.volatile = 'off'
assert (w * 2).creator is not None
assert [chainer.Flag('on'), chainer.Flag(True), chainer.flag.AUTO] == [chainer.ON, 'ON', 'auto']
''')


def test_what_modules_have_for_themselves(run_text):
    run_text('''
import numpy as np
from chainer import initializers
from chainer.functions.activation.lstm import _extract_gates
from chainer.functions.connection.convolution_2d import _pair
from chainer.links.connection.n_step_rnn import argsort_list_descent, permutate_list

words = ['ab', 'cdefg', 'hi', 'jklmnop']
order = argsort_list_descent(words)
longest_first = permutate_list(words, order, inv=False)
assert longest_first == ['jklmnop', 'cdefg', 'ab', 'hi'] and permutate_list(longest_first, order, inv=True) == words
assert _pair(3) == (3, 3) and _pair([1, 2]) == [1, 2]
assert [gate.tolist() for gate in _extract_gates(np.arange(8).reshape(1, 8))][1:3] == [[[1, 5]], [[2, 6]]]
W = np.empty((3, 4), 'f')
initializers.init_weight(W, 2, scale=3)
assert (W == 6).all()
''')
