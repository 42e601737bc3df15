"""NPZ files: Chainer's layout, no pickle, and a file that no crash damages."""
import contextlib
import io
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import serializers
from autograd_nn.serializers.npz import NpzReader


class Layer(ann.Link):
    def __init__(self, shape=(2, 3), dtype='f'):
        super().__init__()
        with self.init_scope():
            self.W = ann.Parameter(ann.initializers.Normal(dtype=dtype), shape)
            self.b = ann.Parameter(ann.initializers.Normal(dtype=dtype), 2)
        self.add_persistent('N', 0)
        self.add_persistent('mean', np.zeros(2, dtype))


class Model(ann.Chain):
    def __init__(self, **arguments):
        super().__init__(predictor=ann.Chain(l1=Layer(**arguments), tail=ann.Sequential(Layer(), abs, Layer())))


KEYS = [f'predictor/{path}/{name}' for path in ('l1', 'tail/0', 'tail/1') for name in ('W', 'b', 'N', 'mean')]


def save(obj, **arguments):
    file = io.BytesIO()
    serializers.save_npz(file, obj, **arguments)
    file.seek(0)
    return file


def write_npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    return file


@pytest.mark.parametrize('compression', [True, False])
def test_layout(compression, tmp_path):
    model = Model()
    path = tmp_path / 'weights'
    serializers.save_npz(path, model, compression)
    assert [entry.name for entry in tmp_path.iterdir()] == ['weights']
    with np.load(path, allow_pickle=False) as npz:
        assert sorted(npz) == sorted(KEYS)
        np.testing.assert_array_equal(npz['predictor/tail/1/W'], model.predictor.tail[2].W.array)
        assert npz['predictor/l1/N'] == 0
    methods = {info.compress_type for info in zipfile.ZipFile(path).infolist()}
    assert methods == {zipfile.ZIP_DEFLATED if compression else zipfile.ZIP_STORED}


@pytest.mark.parametrize('as_text', [True, False])
def test_round_trip(as_text, tmp_path):
    path = tmp_path / 'model.npz'
    saved, loaded = Model(), Model()
    saved.predictor.l1.N = 5
    saved.predictor.l1.mean[...] = 3, 4
    serializers.save_npz(str(path) if as_text else path, saved)
    arrays = [param.array for param in loaded.params()]
    serializers.load_npz(str(path) if as_text else path, loaded)
    for a, b, old in zip(saved.params(), loaded.params(), arrays):
        np.testing.assert_array_equal(a.array, b.array)
        assert b.array is old
    assert loaded.predictor.l1.N == 5 and type(loaded.predictor.l1.N) is int
    np.testing.assert_array_equal(loaded.predictor.l1.mean, [3, 4])


def test_reads_what_numpy_writes():
    arrays = {key: np.full(2, i, 'd') for i, key in enumerate(['W', 'b', 'mean'])}
    link = Layer(shape=2)
    serializers.load_npz(write_npz(**arrays, N=np.array(9)), link)
    np.testing.assert_array_equal([link.W.array, link.b.array, link.mean], [[0, 0], [1, 1], [2, 2]])
    assert link.W.dtype == np.float32 and link.N == 9


@pytest.mark.parametrize('stored, wanted', [('d', 'e'), ('e', 'd'), ('i8', 'f')])
def test_casts(stored, wanted):
    file = write_npz(W=np.ones((2, 3), stored), b=np.ones(2, stored), N=np.array(1), mean=np.ones(2, stored))
    link = Layer(dtype=wanted)
    serializers.load_npz(file, link)
    assert link.W.dtype == np.dtype(wanted)
    np.testing.assert_array_equal(link.W.array, np.ones((2, 3)))


def test_does_not_cast_to_another_kind():
    link = Layer()
    link.mean = np.zeros(2, int)
    with pytest.raises(ValueError, match=r"'mean': expected dtype int64, found float32"):
        serializers.load_npz(save(Layer()), link)


@pytest.mark.parametrize('value', [3, 2.5, True, 'text', '', None, np.float64(2), (1, 2), [0.5, 1.5],
                                   np.arange(3), np.array(7), np.zeros((0, 2)), np.array('words'),
                                   np.asfortranarray(np.arange(6.0).reshape(2, 3))], ids=repr)
def test_values(value):
    saved, loaded = ann.Link(), ann.Link()
    saved.add_persistent('value', value)
    loaded.add_persistent('value', np.zeros_like(value) if isinstance(value, np.ndarray)
                          else type(value)() if value is not None else None)
    serializers.load_npz(save(saved), loaded)
    assert type(loaded.value) is type(value)
    np.testing.assert_array_equal(loaded.value, value)


@pytest.mark.parametrize('value', [object(), {1, 2}, b'bytes\0', np.array([None, 1])], ids=lambda x: type(x).__name__)
def test_refuses_other_values(value, tmp_path):
    link = ann.Chain(child=ann.Link())
    link.child.add_persistent('thing', value)
    with pytest.raises(TypeError, match=r"'child/thing' is a"):
        serializers.save_npz(tmp_path / 'model.npz', link)
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_named_file():
    link = ann.Link(file=3, arr=2)
    assert sorted(np.load(save(link))) == ['arr', 'file']


def test_dictionary():
    file = save({'a': np.arange(3), '/b/c': 5})
    assert {key: x.tolist() for key, x in np.load(file).items()} == {'a': [0, 1, 2], 'b/c': 5}


def lazy(shape=None):
    link = ann.Link()
    link.add_param('W', shape, initializer=0)
    return link


def test_uninitialized_parameter():
    file = save(lazy())
    assert np.load(file, allow_pickle=True)['W'][()] is None
    with zipfile.ZipFile(file) as archive:
        assert b'core' not in archive.read('W.npy')  # NumPy 1 has no numpy._core, and NumPy 2 warns of numpy.core.
    file.seek(0)
    for fresh in lazy(), lazy(3):
        serializers.load_npz(file, fresh)
        assert fresh.W.is_initialized == (fresh.W.array is not None)
    assert not lazy().W.is_initialized


def test_loading_none_keeps_the_array():
    link = lazy(3)
    serializers.load_npz(save(lazy()), link)
    np.testing.assert_array_equal(link.W.array, np.zeros(3))


def test_loading_initializes():
    source, target = lazy((2, 3)), lazy()
    source.W.array[...] = np.random.rand(2, 3)
    serializers.load_npz(save(source), target)
    np.testing.assert_array_equal(target.W.array, source.W.array)
    assert target.W.dtype == np.float32


def test_none_of_early_versions():
    link = lazy()
    serializers.load_npz(write_npz(W=np.array(b'None', 'V4')), link)
    assert not link.W.is_initialized


def npz_with_pickle(obj, protocol):
    """A file such as NumPy writes with ``allow_pickle``."""
    array = np.array(None, dtype=object)
    array[()] = obj
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {'descr': '|O', 'fortran_order': False, 'shape': ()})
    member.write(pickle.dumps(array, protocol))
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr('W.npy', member.getvalue())
    file.seek(0)
    return file


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_pickled_none_is_recognised(protocol, monkeypatch):
    file = npz_with_pickle(None, protocol)
    assert np.load(file, allow_pickle=True)['W'][()] is None
    file.seek(0)
    monkeypatch.setattr(pickle, 'load', None)
    monkeypatch.setattr(pickle, 'loads', None)
    link = lazy()
    serializers.load_npz(file, link)
    assert not link.W.is_initialized


class Bomb:
    def __reduce__(self):
        return exec, ('import builtins; builtins.exploded = True',)


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
@pytest.mark.parametrize('obj', [Bomb(), 0, [None], 'None', (None,), Ellipsis], ids=lambda obj: type(obj).__name__)
def test_other_pickles_are_not_executed(obj, protocol):
    import builtins
    with pytest.raises(ValueError, match="pickled object at 'W'"):
        serializers.load_npz(npz_with_pickle(obj, protocol), lazy())
    assert not hasattr(builtins, 'exploded')


def test_missing_key():
    with pytest.raises(KeyError, match=r"no 'b', only W, N, mean"):
        serializers.load_npz(write_npz(W=np.zeros((2, 3)), N=0, mean=np.zeros(2)), Layer())
    link = Layer()
    b = link.b.array.copy()
    serializers.load_npz(write_npz(W=np.zeros((2, 3)), N=0, mean=np.zeros(2)), link, strict=False)
    np.testing.assert_array_equal(link.b.array, b)
    assert not link.W.array.any()
    with pytest.raises(KeyError, match='and 8 more'):
        serializers.load_npz(write_npz(**{f'key{i}': 0 for i in range(20)}), Layer())


def test_wrong_shape():
    with pytest.raises(ValueError, match=r"'predictor/l1/W': expected shape \(2, 4\), found \(2, 3\)"):
        serializers.load_npz(save(Model()), Model(shape=(2, 4)))
    link = Layer()
    with pytest.raises(ValueError, match=r"'N': expected int, found an array of shape \(2,\)"):
        serializers.load_npz(write_npz(W=link.W.array, b=link.b.array, N=np.zeros(2), mean=np.zeros(2)), link)


@pytest.mark.parametrize('damage', ['missing', 'shape', 'dtype', 'scalar'])
def test_a_link_that_cannot_be_loaded_stays_as_it_is(damage):
    arrays = {'W': np.zeros((2, 3)), 'b': np.zeros(2), 'N': np.array(7), 'mean': np.ones(2)}
    if damage == 'missing':
        del arrays['mean']
    else:
        name, wrong = {'shape': ('mean', np.ones(3)), 'dtype': ('mean', np.ones(2, complex)),
                       'scalar': ('N', np.zeros(2))}[damage]
        arrays[name] = wrong
    link = ann.Chain(lazy=lazy(), last=Layer())
    before = serializers.DictionarySerializer()
    before.save(link)
    before = {key: array.copy() for key, array in before.target.items()}
    file = write_npz(**{f'last/{key}': array for key, array in arrays.items()}, **{'lazy/W': np.ones(3)})
    with pytest.raises((KeyError, ValueError), match='load: '):
        serializers.load_npz(file, link)
    after = serializers.DictionarySerializer()
    after.save(link)
    assert before.keys() == after.target.keys()
    for key, array in before.items():
        np.testing.assert_array_equal(after.target[key], array)
    assert not link.lazy.W.is_initialized


@pytest.mark.parametrize('path', ['predictor/l1', 'predictor/l1/', '/predictor/l1'])
def test_path(path):
    model, layer = Model(), Layer()
    serializers.load_npz(save(model), layer, path=path)
    np.testing.assert_array_equal(layer.W.array, model.predictor.l1.W.array)


@pytest.mark.parametrize('ignore_names', [
    'predictor/l1/W', lambda name: name.endswith('l1/W'), ['predictor/l1/W', 'predictor/tail/0/b'],
    ['predictor/tail/0/b', lambda name: name == 'predictor/l1/W']])
def test_ignore_names(ignore_names):
    saved, loaded = Model(), Model()
    kept = loaded.predictor.l1.W.array.copy()
    serializers.load_npz(save(saved), loaded, ignore_names=ignore_names)
    np.testing.assert_array_equal(loaded.predictor.l1.W.array, kept)
    np.testing.assert_array_equal(loaded.predictor.l1.b.array, saved.predictor.l1.b.array)


def test_serializers_work_on_dictionaries():
    serializer = serializers.DictionarySerializer()
    model, loaded = Model(), Model()
    serializers.DictionarySerializer(serializer.target, 'a/').save(model)
    assert set(serializer.target) == {f'a/{key}' for key in KEYS}
    serializers.NpzDeserializer(serializer.target, 'a').load(loaded)
    np.testing.assert_array_equal(loaded.predictor.l1.W.array, model.predictor.l1.W.array)
    serializers.NpzDeserializer({'W': np.array(None)}).load(lazy())


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing\.npz'):
        serializers.load_npz(tmp_path / 'nothing.npz', Layer())
    with pytest.raises(FileNotFoundError, match='folder'):
        serializers.save_npz(tmp_path / 'folder' / 'model.npz', Layer())


def test_not_an_npz(tmp_path):
    path = tmp_path / 'model.npz'
    for content, message in (b'', 'is empty'), (b'GIF89a...', 'is not an npz file'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf'model\.npz {message}'):
            serializers.load_npz(path, Layer())
    np.save(tmp_path / 'array.npy', np.zeros(3))
    with pytest.raises(ValueError, match='not an npz file'):
        serializers.load_npz(tmp_path / 'array.npy', Layer())
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('W', b'hello')
    with pytest.raises(ValueError, match=r"model\.npz is damaged at 'W'"):
        serializers.load_npz(path, Layer())


@pytest.mark.parametrize('compression', [True, False])
def test_truncated_or_damaged_file_is_always_noticed(compression, tmp_path):
    path, link = tmp_path / 'model.npz', Layer()
    content = save(link, compression=compression).getvalue()
    for length in range(4, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r'model\.npz is truncated or damaged'):
            serializers.load_npz(path, Layer())
    data = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo('W.npy')
        data[info.header_offset + 30 + len('W.npy') + 20 + info.compress_size - 3] ^= 0xff
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.npz is damaged at 'W'"):
        serializers.load_npz(path, Layer())


def test_file_object_of_the_user_stays_open(tmp_path):
    with (tmp_path / 'model.npz').open('w+b') as file:
        serializers.save_npz(file, Layer())
        file.seek(0)
        serializers.load_npz(file, Layer())
        assert not file.closed
    with NpzReader(tmp_path / 'model.npz') as npz:
        assert len(npz) == 4 and set(npz) == {'W', 'b', 'N', 'mean'}


def test_an_exception_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'model.npz'
    old = Layer()
    serializers.save_npz(path, old)
    content = path.read_bytes()
    write_array, calls = np.lib.format.write_array, []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise OSError(28, 'No space left on device')
        write_array(*args, **kwargs)

    monkeypatch.setattr(np.lib.format, 'write_array', failing)
    with pytest.raises(OSError, match='No space'):
        serializers.save_npz(path, Layer())
    assert len(calls) == 3 and path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


KILLED = '''
import sys, time
import numpy as np
import autograd_nn as ann
from autograd_nn import serializers

link = ann.Link(W=(300, 300), b=(300, 300))
for param in link.params():
    param.array[...] = 1
serializers.save_npz(sys.argv[1], link)
for param in link.params():
    param.array[...] = np.random.rand(300, 300)
write_array = np.lib.format.write_array

def slow(file, array, **kwargs):
    write_array(file, array, **kwargs)
    print('written', flush=True)
    time.sleep(60)

np.lib.format.write_array = slow
serializers.save_npz(sys.argv[1], link)
'''


@pytest.mark.skipif(sys.platform == 'win32', reason='there is no SIGKILL')
def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / 'model.npz'
    with subprocess.Popen([sys.executable, '-c', KILLED, path], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'written\n'
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    link = ann.Link(W=(300, 300), b=(300, 300))
    serializers.load_npz(path, link)
    for param in link.params():
        np.testing.assert_array_equal(param.array, np.ones((300, 300)))


PRETRAINED = Path(__file__).resolve().parents[3] / 'shared' / 'data' / 'pretrained' / 'book_ch03_mlp.npz'


@pytest.mark.skipif(not PRETRAINED.exists(), reason='the pretrained weights are not there')
def test_loads_a_file_of_plain_arrays():
    with np.load(PRETRAINED) as npz:
        arrays = dict(npz)
    link = ann.Link(**{name: array.shape for name, array in arrays.items()})
    serializers.load_npz(PRETRAINED, link)
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(link, name).array, array.astype('f'))
    with contextlib.closing(io.BytesIO()) as file, pytest.raises(ValueError, match='shape'):
        serializers.save_npz(file, link)
        file.seek(0)
        serializers.load_npz(file, ann.Link(**dict.fromkeys(arrays, (1, 1))))


@pytest.mark.parametrize('stored, value', [
    (1.5, 1), (np.nan, 1), (np.inf, 1), (3, True), (1.5, False), ('x', 1), (np.zeros(2), 1), (1 + 1j, 1.),
    (0.1, np.float32(1)),
])
def test_a_number_that_does_not_fit_the_type(stored, value):
    kind = type(value).__name__
    with pytest.raises(ValueError, match=f"load: 'x': expected {kind}, found "):
        serializers.NpzDeserializer({'x': np.asarray(stored)})('x', value)


@pytest.mark.parametrize('stored, value, expected', [
    (3, 1, 3), (2.0, 1, 2), (3, 1., 3.), (True, False, True), (1, False, True), (np.nan, 1., np.nan),
    (np.inf, 1., np.inf),
    (np.float32(0.5), 1., 0.5), (0.5, np.float32(1), np.float32(0.5)), (3, '', '3'), ([1.5, 2], [1], [1.5, 2.]),
    ([1, 2], (1,), (1, 2)),
])
def test_a_number_that_fits(stored, value, expected):
    loaded = serializers.NpzDeserializer({'x': np.asarray(stored)})('x', value)
    assert type(loaded) is type(value)
    np.testing.assert_array_equal(loaded, expected)
