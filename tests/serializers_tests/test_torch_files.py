"""PyTorch's files: what is in them, and that nothing in them is executed."""
from __future__ import annotations

import io
import pickle
import random
import zipfile

import numpy as np
import pytest

from autograd_nn.serializers import read_torch_file
from autograd_nn.serializers.torch_pickle import MAX_INSTRUCTIONS
from support.torch_writer import Call, Storage, describe, dump, tensor, write_old, write_zip

RNG = np.random.default_rng(0)
DTYPES = ['f4', 'f8', 'f2', 'i8', 'i4', 'i2', 'i1', 'u1', '?', 'c8', 'c16']
ARRAYS = {dtype: (RNG.standard_normal((2, 3)) * 9).astype(dtype) for dtype in DTYPES} | {
    'scalar': np.array(2.5, 'f4'), 'empty': np.zeros((0, 3), 'f4')}


def read(data, key=None):
    return read_torch_file(io.BytesIO(data), key)


def write(form, arrays, nest=lambda content: content):
    content = nest({name: describe(array, name) for name, array in arrays.items()})
    if form == 'zip':
        return write_zip(content, {name: array.tobytes() for name, array in arrays.items()})
    return write_old(content, {name: (array.size, array.tobytes()) for name, array in arrays.items()})


@pytest.mark.parametrize('form', ['zip', 'old'])
def test_every_dtype(form):
    found = read(write(form, ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize('form', ['zip', 'old'])
def test_what_is_no_tensor_is_left_out(form):
    data = write(form, {'a': ARRAYS['f4']}, lambda content: {
        'epoch': 3, 'model': {**content, 'note': 'x', 'more': [1, (None, 2.5)]}})
    np.testing.assert_array_equal(read(data, 'model')['a'], ARRAYS['f4'])
    assert list(read(data, 'model')) == ['a']
    with pytest.raises(ValueError, match=r'read_torch_file: the file object: .* found the keys epoch, model; .* key='):
        read(data)
    with pytest.raises(KeyError, match="there is no 'weights', only the keys epoch, model"):
        read(data, 'weights')


def test_offsets_strides_and_shared_memory():
    numbers = np.arange(20, dtype='f4')
    storage = Storage('Float', '0', 20)
    found = read(write_zip({
        'whole': tensor(storage, 0, (4, 5), (5, 1)), 'transposed': tensor(storage, 0, (5, 4), (1, 5)),
        'part': tensor(storage, 6, (2, 2), (5, 2)), 'repeated': tensor(storage, 19, (3, 1), (0, 1)),
    }, {'0': numbers.tobytes()}))
    grid = numbers.reshape(4, 5)
    np.testing.assert_array_equal(found['whole'], grid)
    np.testing.assert_array_equal(found['transposed'], grid.T)
    np.testing.assert_array_equal(found['part'], grid[1:3, 1:4:2])
    np.testing.assert_array_equal(found['repeated'], [[19]] * 3)
    assert np.shares_memory(found['whole'], found['part'])


def test_bfloat16():
    x = np.array([1, -2.5, 3.140625, np.inf], 'f4')
    bits = (x.view('u4') >> 16).astype('u2')
    found = read(write_zip({'x': tensor(Storage('BFloat16', '0', 4), 0, (4,), (1,))}, {'0': bits.tobytes()}))['x']
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, x)


def test_big_endian():
    x = ARRAYS['f4']
    found = read(write_zip({'x': describe(x, '0')}, {'0': x.astype('>f4').tobytes()}, order='big'))['x']
    np.testing.assert_array_equal(found, x)


@pytest.mark.parametrize('function', ['torch._utils _rebuild_parameter', 'collections OrderedDict'])
def test_parameters_and_ordered_dictionaries(function):
    x = describe(ARRAYS['f4'], '0')
    content = {'x': Call(function, (x, True, {}))} if 'parameter' in function else Call(function, ([], ))
    if 'parameter' not in function:
        pairs = b'](' + dump(('x', x))[2:-1] + b'e'
        content = dump(content).replace(pickle.dumps([], 2)[2:-1], pairs)
    np.testing.assert_array_equal(read(write_zip(content, {'0': ARRAYS['f4'].tobytes()}))['x'], ARRAYS['f4'])


X = ARRAYS['f4'].ravel().tobytes()
S = Storage('Float', '0', 6)


@pytest.mark.parametrize(('data', 'message'), [
    (write_zip({'x': tensor(S, 0, (7,), (1,))}, {'0': X}), r'x of shape \(7,\) beyond its storage of 6'),
    (write_zip({'x': tensor(S, 5, (2,), (1,))}, {'0': X}), 'beyond its storage'),
    (write_zip({'x': tensor(S, 0, (2,), (6,))}, {'0': X}), 'beyond its storage'),
    (write_zip({'x': tensor(S, 0, (1 << 40,), (0,))}, {'0': X}), 'beyond its storage'),
    (write_zip({'x': tensor(S, 0, (-1,), (1,))}, {'0': X}), 'shape or strides'),
    (write_zip({'x': tensor(S, -1, (1,), (1,))}, {'0': X}), 'shape or strides'),
    (write_zip({'x': tensor(S, 0, (1,), (1, 1))}, {'0': X}), 'shape or strides'),
    (write_zip({'x': tensor(S, 0, (1,) * 40, (1,) * 40)}, {'0': X}), 'shape or strides'),
    (write_zip({'x': tensor(S, 0, (6,), (1,))}, {'0': X[1:]}), '23 bytes for 6 numbers of type float32'),
    (write_zip({'x': tensor(S, 0, (6,), (1,))}, {}), 'no data/0 in its archive'),
    (write_zip({'x': tensor(Storage('QInt8', '0', 6), 0, (6,), (1,))}, {'0': X}), 'type torch.QInt8Storage'),
    (write_zip({'x': tensor(S, 0, (6,), (1,))}, {'0': X}, method=zipfile.ZIP_DEFLATED), 'unpacks to more'),
    (write_zip([1], {}), 'a list'), (write_zip({}, {}), 'an empty dictionary'),
    (write_zip(b'\x80\x02.', {}), 'damaged pickle'), (write_zip(b'\x80\x02N', {}), 'pickle'),
    (write_zip(b'\x80\x02u.', {}), 'no mark'),
    (write_zip(b'\x80\x02' + b')' + b'\x85' * 50_000 + b'}q\x00K\x01s.', {}), 'damaged pickle'),
    (write_zip(b'\x80\x02}q\x00' + b')' + b'\x85' * 50_000 + b'K\x01s.', {}), 'expected names as keys'),
    (write_zip(b'\x80\x02' + b'N0' * (MAX_INSTRUCTIONS // 2 + 9) + b'N.', {}), 'POP'),
    (write_zip(b'\x80\x02' + b'N' * (MAX_INSTRUCTIONS + 9) + b'.', {}), 'more than 1,000,000 instructions'),
    (write_old({'x': describe(ARRAYS['f4'], '0')}, {'0': (1 << 40, X)}), '1,099,511,627,776 numbers announced'),
    (write_old({'x': describe(ARRAYS['f4'], '0')}, {'0': (-1, X)}), '-1 numbers announced'),
    (write_old({'x': describe(ARRAYS['f4'], '0')}, {}), 'a tensor without its storage'),
    (write_old({'x': describe(ARRAYS['f4'], '0')}, {'1': (6, X)}), 'a storage that no tensor uses'),
    (b'', 'an empty file'), (b'hello', 'something else'), (dump(5), 'something else'),
])
def test_what_cannot_be(data, message):
    with pytest.raises(ValueError, match=f'read_torch_file: the file object: expected .* found .*{message}'):
        read(data)


@pytest.mark.parametrize('attack', [
    Call('os system', ('touch hacked',)), Call('builtins eval', ('open("hacked", "w")',)),
    Call('collections OrderedDict', (Call('posix system', ('touch hacked',)),)),
    {'x': Call('torch._utils _rebuild_parameter', (Call('os system', ('touch hacked',)), False, {}))},
])
@pytest.mark.parametrize('form', ['zip', 'old', 'plain'])
def test_nothing_is_executed(attack, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = {'zip': lambda: write_zip(attack, {}), 'old': lambda: write_old(attack, {}), 'plain': lambda: dump(attack)}
    with pytest.raises(ValueError, match=r'(system|eval) in its pickle, .* is not executed'):
        read(data[form]())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('protocol', range(6))
def test_objects_are_refused(protocol):
    with pytest.raises(ValueError, match='read_torch_file'):
        read(write_zip(pickle.dumps({'x': np.float32(1), 'y': np.zeros(2)}, protocol), {}))


def test_names_of_the_same_bytes_do_not_fill_memory():
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr('m/data.pkl', dump({str(n): tensor(Storage('Byte', str(n), 10_000), 0, (10_000,), (1,))
                                             for n in range(50)}))
        archive.writestr('m/data/0', b'x' * 10_000)
        first = archive.getinfo('m/data/0')
        for n in range(1, 50):
            copy = zipfile.ZipInfo(f'm/data/{n}')
            copy.header_offset, copy.CRC = first.header_offset, first.CRC
            copy.file_size = copy.compress_size = 10_000
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
    with pytest.raises(ValueError, match=r'unpacks to more|differ|overlap'):
        read(file.getvalue())


@pytest.mark.filterwarnings('ignore:invalid escape sequence')
@pytest.mark.parametrize('form', ['zip', 'old'])
def test_damaged_files(form):
    rng = random.Random(0)
    original = write(form, {name: ARRAYS[name] for name in ('f4', 'i8', 'scalar')})
    errors = 0
    for _ in range(1500):
        data = bytearray(original)
        for _ in range(rng.choice([1, 1, 2, 8])):
            place = rng.randrange(len(data))
            data[place:place + rng.choice([0, 1, 1, 1])] = rng.randbytes(rng.choice([0, 1, 1, 4]))
            if rng.random() < 0.1:
                del data[rng.randrange(1, 1 + len(data)):]
            data = data or bytearray(b'x')
        try:
            read(bytes(data))
        except ValueError as error:
            assert str(error).startswith('read_torch_file: the file object: ')
            errors += 1
    assert errors > 300


def test_a_missing_file():
    with pytest.raises(FileNotFoundError):
        read_torch_file('nowhere.pt')


@pytest.mark.parametrize('form', ['zip', 'old'])
def test_against_pytorch(form, tmp_path):
    torch = pytest.importorskip('torch')
    base = torch.randn(4, 5)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Linear(3, 2))
    tensors = model.state_dict()
    tensors.update(base=base, transposed=base.t(), part=base[1:3, ::2], half=base.half(), bfloat=base.bfloat16(),
                   flags=base > 0, empty=torch.zeros(0, 3), parameter=torch.nn.Parameter(base), count=torch.tensor(3))
    torch.save({'epoch': 1, 'state_dict': tensors}, tmp_path / 'a.pt', _use_new_zipfile_serialization=form == 'zip')
    found = read_torch_file(tmp_path / 'a.pt', 'state_dict')
    assert list(found) == list(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name], value.detach().float() if name == 'bfloat' else value.detach())
    written = torch.load(io.BytesIO(write(form, {'x': ARRAYS['f4']})), weights_only=False)
    np.testing.assert_array_equal(written['x'], ARRAYS['f4'])
