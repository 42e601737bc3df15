import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from autograd_nn import datasets
from autograd_nn.iterators import MultiprocessIterator

EXAMPLES = [(1, 2.5, 'hello'), np.arange(10000.), {'a': None}, [], 'größer']


@pytest.fixture
def path(tmp_path):
    with datasets.open_pickle_dataset_writer(tmp_path / 'examples') as writer:
        for example in EXAMPLES:
            writer.write(example)
    return tmp_path / 'examples'


def test_examples(path):
    with datasets.open_pickle_dataset(path) as dataset:
        assert len(dataset) == 5
        assert (dataset[0], dataset[-1], dataset[2:4]) == ((1, 2.5, 'hello'), 'größer', [{'a': None}, []])
        np.testing.assert_array_equal(dataset[1], EXAMPLES[1])
    with pytest.raises(ValueError, match='closed'):
        dataset[0]


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_format_is_pickles_in_a_row(protocol):
    file = io.BytesIO()
    writer = datasets.PickleDatasetWriter(file, protocol)
    for example in EXAMPLES:
        writer.write(example)
    writer.flush()
    expected = io.BytesIO()
    for example in EXAMPLES:
        pickle.dump(example, expected, protocol)
    assert file.getvalue() == expected.getvalue()
    dataset = datasets.PickleDataset(expected)
    assert [type(example) for example in dataset] == [type(example) for example in EXAMPLES]
    writer.close()
    assert file.closed


def test_empty_file():
    assert len(datasets.PickleDataset(io.BytesIO())) == 0


def test_what_cannot_be_pickled_leaves_nothing(path):
    file = io.BytesIO()
    writer = datasets.PickleDatasetWriter(file)
    writer.write(1)
    with pytest.raises(Exception, match='lambda'):
        writer.write([2, lambda: None])
    writer.write(3)
    assert datasets.PickleDataset(file)[:] == [1, 3]


@pytest.mark.parametrize('rest', [pickle.dumps(list(range(100)))[:-20], b'no pickle', b'\x80'])
def test_damaged_files(tmp_path, rest):
    path = tmp_path / 'damaged'
    path.write_bytes(pickle.dumps(1) + rest)
    with pytest.raises(ValueError, match=r'PickleDataset: .*damaged is damaged at byte 5, or no file of pickles'):
        datasets.open_pickle_dataset(path)
    with pytest.raises(FileNotFoundError):
        datasets.open_pickle_dataset(tmp_path / 'other')


def test_a_stream():
    class Stream(io.BytesIO):
        def seekable(self):
            return False

    with pytest.raises(ValueError, match='in which one can seek'):
        datasets.PickleDataset(Stream())


def test_copies(path):
    dataset = datasets.open_pickle_dataset(path)
    copied = pickle.loads(pickle.dumps(dataset))
    dataset.close()
    assert copied[0] == EXAMPLES[0] and len(copied) == 5


def test_threads_and_processes(tmp_path):
    """A file's position belongs to one reader."""
    with datasets.open_pickle_dataset_writer(tmp_path / 'numbers') as writer:
        for i in range(200):
            writer.write((i, 'x' * (i % 7) * 1000))
    dataset = datasets.open_pickle_dataset(tmp_path / 'numbers')
    with ThreadPoolExecutor(4) as pool:
        assert [i for i, _ in pool.map(dataset.__getitem__, range(200))] == list(range(200))
    with MultiprocessIterator(dataset, 50, shuffle=False, n_processes=4) as batches:
        assert [i for _ in range(4) for i, _ in next(batches)] == list(range(200))
    assert dataset[7][0] == 7
