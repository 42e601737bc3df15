"""HDF5 files: the layout of Chainer's, in both directions, and what is wrong with others."""
from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import iterators, optimizers, serializers

h5py = pytest.importorskip('h5py')

# Path, dtype, shape and compression of what Chainer 7.8.1 writes for this model and its optimizer after an update.
MODEL = [
    ('bn/N', 'int64', (), None), ('bn/avg_mean', 'float32', (4,), 4), ('bn/avg_var', 'float32', (4,), 4),
    ('bn/beta', 'float32', (4,), 4), ('bn/gamma', 'float32', (4,), 4), ('fc/W', 'float32', (4, 3), 4),
    ('fc/b', 'float32', (4,), 4), ('never/W', 'float32', None, None), ('never/b', 'float32', (1,), None),
]
OPTIMIZER = [
    ('epoch', 'int64', (), None), *[
        (f'{name}/{state}', 'int64' if state == 't' else 'float32', () if state == 't' else shape,
         None if state == 't' else 4)
        for name, shape in (('bn/beta', (4,)), ('bn/gamma', (4,)), ('fc/W', (4, 3)), ('fc/b', (4,)))
        for state in ('m', 't', 'v')],
    ('never/W/t', 'int64', (), None), ('never/b/t', 'int64', (), None), ('t', 'int64', (), None),
]


def make_model(seed=0):
    ann.random.seed(seed)
    return ann.Chain(fc=L.Linear(3, 4), bn=L.BatchNormalization(4), never=L.Linear(None, 1))


def trained():
    model = make_model()
    optimizer = optimizers.Adam().setup(model)
    model.never.disable_update()
    optimizer.update(lambda x: (model.bn(model.fc(x)) ** 3).sum(), np.random.rand(5, 3).astype('f'))
    return model, optimizer


def layout(file):
    found = []
    with h5py.File(file, 'r') as stored:
        stored.visititems(lambda name, item: found.append((name, str(item.dtype), item.shape, item.compression_opts))
                          if isinstance(item, h5py.Dataset) else None)
    return found


def values(obj):
    serializer = serializers.DictionarySerializer()
    serializer.save(obj)
    return serializer.target


def check_same(one, other):
    one, other = values(one), values(other)
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_layout(tmp_path):
    model, optimizer = trained()
    serializers.save_hdf5(tmp_path / 'model.h5', model)
    serializers.save_hdf5(tmp_path / 'optimizer.h5', optimizer)
    assert layout(tmp_path / 'model.h5') == MODEL
    entries = [entry for entry in layout(tmp_path / 'optimizer.h5') if 'hyperparam' not in entry[0]]
    assert sorted(entries) == sorted(OPTIMIZER)
    with h5py.File(tmp_path / 'model.h5', 'r') as stored:
        np.testing.assert_array_equal(stored['fc/W'], model.fc.W.array)
        assert stored['fc/W'].compression == 'gzip'


@pytest.mark.parametrize('compression', [4, 0, None])
def test_round_trip(tmp_path, compression):
    model, optimizer = trained()
    for name, obj in ('model', model), ('optimizer', optimizer):
        serializers.save_hdf5(str(tmp_path / name), obj, compression)
    other = make_model(seed=1)
    other_optimizer = optimizers.Adam().setup(other)
    serializers.load_hdf5(tmp_path / 'model', other)
    serializers.load_hdf5(tmp_path / 'optimizer', other_optimizer)
    check_same(model, other)
    check_same(optimizer, other_optimizer)
    assert not other.never.W.is_initialized


def test_loads_a_file_of_chainer():
    """What its serializer writes: empty datasets for None, booleans as enumerations."""
    file = io.BytesIO()
    with h5py.File(file, 'w') as stored:
        for name, dtype, shape, compression in MODEL:
            data = h5py.Empty('f') if shape is None else np.full(shape, 3, dtype)
            stored.create_dataset(name, data=data, compression=compression)
        for name, value in (('current_position', 2), ('epoch', 3), ('is_new_epoch', True),
                            ('order', np.array([2, 0, 1])), ('previous_epoch_detail', 3.3)):
            stored.create_dataset(f'iterator/{name}', data=value)
    model, batches = make_model(), iterators.SerialIterator(range(3), 1)
    serializers.load_hdf5(file, model)
    assert all((value == 3).all() for name, value in values(model).items() if name != 'never/W')
    assert not model.never.W.is_initialized
    with h5py.File(file, 'r') as stored:
        serializers.HDF5Deserializer(stored)['iterator'].load(batches)
        assert serializers.HDF5Deserializer(stored['iterator'])('epoch', 0) == 3
    assert (batches.current_position, batches.epoch, batches.is_new_epoch) == (2, 3, True)
    assert next(batches) == [1]


def test_trainer(tmp_path):
    """Strings, such as the log, are stored as well, which Chainer cannot."""
    def make():
        model = ann.Chain(fc=L.Linear(2, 1))
        batches = iterators.SerialIterator(np.eye(2, dtype='f'), 1, shuffle=False)
        updater = ann.training.StandardUpdater(batches, optimizers.SGD().setup(model),
                                               loss_func=lambda x: (model.fc(x) ** 2).sum())
        trainer = ann.training.Trainer(updater, (4, 'iteration'), tmp_path)
        trainer.extend(ann.training.extensions.LogReport())
        trainer.extend(ann.training.extensions.snapshot(serializers.save_hdf5), trigger=(3, 'iteration'))
        trainer.run() if not (tmp_path / 'log').exists() else serializers.load_hdf5(
            tmp_path / 'snapshot_iter_3', trainer)
        return trainer

    first, resumed = make(), make()
    assert [entry['iteration'] for entry in resumed.get_extension('LogReport').log] == [2]
    resumed.run()
    np.testing.assert_array_equal(*[trainer.updater.get_optimizer('main').target.fc.W.array
                                    for trainer in (first, resumed)])


@pytest.mark.parametrize('value', ['text', 'größer', '', 3, 2.5, True, None, np.arange(6.).reshape(2, 3),
                                   np.zeros((0, 2), 'f'), np.ones(2, np.float16), np.array(['a', 'bcd'])],
                         ids=repr)
def test_values(value):
    file = io.BytesIO()
    serializers.save_hdf5(file, {'/group/key': value})
    with h5py.File(file, 'r') as stored:
        deserializer = serializers.HDF5Deserializer(stored)['group']
        loaded = deserializer('key', None)
        again = deserializer('key', value)
        assert deserializer.group is stored
    if value is None:
        assert loaded is None
    else:
        np.testing.assert_array_equal(loaded, value)
        assert loaded.dtype.kind == np.asarray(value).dtype.kind
    assert type(again) is type(value)


def test_bfloat16():
    ml_dtypes = pytest.importorskip('ml_dtypes')
    file = io.BytesIO()
    serializers.save_hdf5(file, {'x': np.ones(3, ml_dtypes.bfloat16)})
    assert layout(file) == [('x', 'float32', (3,), 4)]


def test_what_is_missing():
    file = io.BytesIO()
    serializers.save_hdf5(file, {'fc/W': np.zeros((4, 3), 'f'), 'x': 1})
    model = make_model()
    W = model.fc.W.array.copy()
    with pytest.raises(KeyError, match=r"there is no 'fc/b', only fc/W, x"):
        serializers.load_hdf5(file, model)
    np.testing.assert_array_equal(model.fc.W.array, W)  # entirely or not at all
    with h5py.File(file, 'r') as stored:
        serializers.HDF5Deserializer(stored, strict=False).load(model)
        assert not model.fc.W.array.any()
        for key in 'x/y', 'fc', 'nothing/at/all':
            with pytest.raises(KeyError, match=key):
                serializers.HDF5Deserializer(stored)(key, 1)


def test_what_does_not_fit():
    file = io.BytesIO()
    serializers.save_hdf5(file, {'a': 1.5, 'b': np.zeros(3), 'c': 'text'})
    with h5py.File(file, 'r') as stored:
        deserializer = serializers.HDF5Deserializer(stored)
        for key, value, message in (('a', 1, r"'a': expected int, found 1.5 \(float64\)"),
                                    ('b', np.zeros(2), r'expected shape \(2,\), found \(3,\)'),
                                    ('b', np.zeros(3, int), 'expected dtype int64, found float64'),
                                    ('c', 1, 'expected int, found text')):
            with pytest.raises(ValueError, match=message):
                deserializer(key, value)


def test_what_cannot_be_saved(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')
    with pytest.raises(TypeError, match="'a/b' is a object"):
        serializers.save_hdf5(path, {'a/b': object()})
    assert path.read_bytes() == b'old'
    assert [*tmp_path.iterdir()] == [path]


def test_damaged_files(tmp_path):
    path = tmp_path / 'file.h5'
    with pytest.raises(FileNotFoundError, match=r'file\.h5'):
        serializers.load_hdf5(path, make_model())
    path.write_bytes(b'no HDF5 at all')
    with pytest.raises(ValueError, match=r'load_hdf5: .*file\.h5 is no HDF5 file, or damaged'):
        serializers.load_hdf5(path, make_model())
    serializers.save_hdf5(path, {'x': np.random.rand(10000)})
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])
    with pytest.raises(ValueError, match='is no HDF5 file, or damaged'):
        serializers.load_hdf5(path, make_model())
    data = bytearray(content)
    data[len(content) // 2:len(content) // 2 + 100] = bytes(100)
    path.write_bytes(data)
    with h5py.File(path, 'r') as stored, pytest.raises(ValueError, match="is damaged at 'x'"):
        serializers.HDF5Deserializer(stored)('x', None)


def test_a_dataset_that_is_too_large():
    file = io.BytesIO()
    with h5py.File(file, 'w') as stored:
        stored.create_dataset('x', shape=(10 ** 12,), dtype='f8', chunks=(100,))
    with h5py.File(file, 'r') as stored, pytest.raises(ValueError, match=r'x of shape \(1000000000000,\) has 0 bytes'):
        serializers.HDF5Deserializer(stored)('x', None)


def test_without_h5py(monkeypatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    for function in (lambda: serializers.save_hdf5('x', {}), lambda: serializers.load_hdf5('x', make_model()),
                     lambda: serializers.HDF5Serializer(None), lambda: serializers.HDF5Deserializer(None)):
        with pytest.raises(ImportError, match=r"needs? h5py: pip install 'autograd_nn\[hdf5\]'"):
            function()
