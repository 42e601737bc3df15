import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from autograd_nn.datasets import TextDataset
from autograd_nn.iterators import MultiprocessIterator


def write(path, text, encoding='utf-8'):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / 'text', 'eins\nzwei größer\n\nvier')


def test_lines(path):
    """With their ends; the last one may have none."""
    dataset = TextDataset(path, encoding='utf-8')
    assert len(dataset) == 4
    assert dataset[:] == ['eins\n', 'zwei größer\n', '\n', 'vier']
    assert [dataset[i] for i in (-1, 0, 1)] == ['vier', 'eins\n', 'zwei größer\n']
    assert TextDataset([str(path)], encoding='utf-8')[0] == 'eins\n'
    with pytest.raises(IndexError):
        dataset[4]
    dataset.close()
    with pytest.raises(ValueError, match='closed'):
        dataset[0]


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16', 'shift_jis', 'iso2022_jp', 'utf-8-sig'])
def test_encodings(tmp_path, encoding):
    lines = [f'行{i} かな漢字\n' for i in range(50)]
    dataset = TextDataset(write(tmp_path / 'text', ''.join(lines), encoding), encoding)
    assert dataset[:] == lines and dataset[30] == lines[30] and dataset[::-1] == lines[::-1]


@pytest.mark.parametrize('newline, expected', [(None, ['a\n', 'b\n', 'c\n', 'd']), ('', ['a\r', 'b\r\n', 'c\n', 'd']),
                                               ('\n', ['a\rb\r\n', 'c\n', 'd']), ('\r', ['a\r', 'b\r', '\nc\nd'])])
def test_ends_of_lines(tmp_path, newline, expected):
    dataset = TextDataset(write(tmp_path / 'text', 'a\rb\r\nc\nd'), newline=newline)
    assert [dataset[i] for i in reversed(range(len(dataset)))] == expected[::-1]


def test_errors_of_decoding(tmp_path):
    path = tmp_path / 'text'
    path.write_bytes(b'a\xff\nb\n')
    with pytest.raises(UnicodeDecodeError):
        TextDataset(path, 'utf-8')
    assert TextDataset(path, 'utf-8', 'replace')[:] == ['a\ufffd\n', 'b\n']


def test_several_files(tmp_path, path):
    other = write(tmp_path / 'other', '一\n二\n三\n四\n', 'shift_jis')
    dataset = TextDataset([path, other], ['utf-8', 'shift_jis'])
    assert dataset[1] == ('zwei größer\n', '二\n') and dataset[-1] == ('vier', '四\n')
    chosen = TextDataset([path, other], ['utf-8', 'shift_jis'], filter_func=lambda a, b: len(a) > 1 and b != '一\n')
    assert chosen[:] == [('zwei größer\n', '二\n'), ('vier', '四\n')]


def test_filter(path):
    assert TextDataset(path, 'utf-8', filter_func=str.strip)[:] == ['eins\n', 'zwei größer\n', 'vier']
    assert len(TextDataset(path, 'utf-8', filter_func=lambda line: False)) == 0


def test_mistakes(tmp_path, path):
    with pytest.raises(ValueError, match='TextDataset: expected at least one file'):
        TextDataset([])
    for option in 'encoding', 'errors', 'newline':
        with pytest.raises(ValueError, match=f'expected {option} for each of 2 files, got 1'):
            TextDataset([path, path], **{option: [None]})
    with pytest.raises(ValueError, match=r'but .*short has 1 and .*text more'):
        TextDataset([path, write(tmp_path / 'short', 'a\n')], 'utf-8')
    with pytest.raises(FileNotFoundError):
        TextDataset(tmp_path / 'nothing')


def test_copies_threads_and_processes(tmp_path):
    """A file's position belongs to one reader."""
    lines = [f'{i} {"x" * (i % 7)}\n' for i in range(200)]
    dataset = TextDataset(write(tmp_path / 'text', ''.join(lines)))
    copied = pickle.loads(pickle.dumps(dataset))
    dataset[3]
    assert copied[5] == lines[5]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(dataset.__getitem__, range(200))) == lines
    with MultiprocessIterator(dataset, 50, shuffle=False, n_processes=4) as batches:
        assert [line for _ in range(4) for line in next(batches)] == lines
