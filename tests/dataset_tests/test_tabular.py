"""Tables and views of them, beside plain lists of rows."""
import random

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn.dataset import TabularDataset, concat_examples, tabular
from autograd_nn.dataset.examples import Examples
from autograd_nn.iterators import MultiprocessIterator, SerialIterator


def plain(x):
    """Lists for arrays, Python's numbers for NumPy's."""
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (tuple, list, np.ndarray)):
        return type(x)([plain(value) for value in x]) if isinstance(x, tuple) else [plain(value) for value in x]
    return x.item() if isinstance(x, np.generic) else x


class Model:
    """What a table should be: its keys, its mode, and its rows as tuples."""

    def __init__(self, keys, mode, rows):
        self.keys, self.mode, self.rows = tuple(keys), mode, rows

    def example(self, row):
        return row[0] if self.mode is None else dict(zip(self.keys, row)) if self.mode is dict else row

    def check(self, table):
        n, width = len(self.rows), len(self.keys)
        assert len(table) == n
        columns = [list(column) for column in zip(*self.rows)] or [[] for _ in self.keys]
        for rows, columns_, expected in (
                (None, None, columns), (slice(None, None, -1), None, [column[::-1] for column in columns]),
                (slice(1, n, 2), (0, width - 1, 0), [columns[i][1::2] for i in (0, width - 1, 0)]),
                ([n - 1, 0] if n else [], None, [[c[n - 1], c[0]] if n else [] for c in columns])):
            assert [plain(column) for column in map(list, table.get_examples(rows, columns_))] == expected
        if not n:
            return
        assert (table.keys, table.mode) == (self.keys, self.mode)
        assert plain(table.fetch()) == self.example(tuple(columns))
        examples = [self.example(row) for row in self.rows]
        assert [plain(table[i]) for i in range(-n, n)] == examples * 2
        assert plain(table[1:]) == examples[1:] and plain(table[[0, -1]]) == [examples[0], examples[-1]]
        assert plain(list(table)) == examples
        assert plain(next(SerialIterator(table, n, shuffle=False))) == examples


def make_table(r, n):
    kinds = r.choices(['list', 'array', 'function', 'tuple', 'dict'], k=r.randint(1, 3))
    names = iter('abcdef')
    keys, columns, data = [], [], []
    for kind in kinds:
        a = next(names)
        if kind == 'list':
            columns.append([f'{a}{i}' for i in range(n)])
            data.append((a, list(columns[-1])))
        elif kind == 'array':
            columns.append([10 * i for i in range(n)])
            data.append((a, np.arange(n) * 10))
        elif kind == 'function':
            columns.append([i * i for i in range(n)])
            data.append((a, lambda i: i * i))
        else:
            b = next(names)
            columns += [list(range(n)), [-i for i in range(n)]]
            data.append(((a, b), (lambda i: (i, -i)) if kind == 'tuple' else lambda i, a=a, b=b: {b: -i, a: i}))
        keys += [a] if len(data[-1][0]) == 1 else data[-1][0]
    if r.random() < 0.5:
        return tabular.from_data(dict(data), size=n), Model(keys, dict, list(zip(*columns)))
    return tabular.from_data(tuple(data), size=n), Model(keys, tuple, list(zip(*columns)))


def random_rows(r, n):
    kind = r.choice(['slice', 'list', 'array', 'mask'])
    if kind == 'slice' or not n:
        ends = [None, *range(-n - 1, n + 2)]
        return slice(r.choice(ends), r.choice(ends), r.choice([None, 1, 2, 3, -1, -2]))
    if kind == 'mask':
        return [r.random() < 0.5 for _ in range(n)]
    rows = [r.randrange(-n, n) for _ in range(r.randint(0, 4))]
    return rows if kind == 'list' else np.array(rows, int)


def take(rows, index):
    if isinstance(index, slice):
        return rows[index]
    if len(index) and isinstance(index[0], bool):
        return [row for row, chosen in zip(rows, index) if chosen]
    return [rows[i] for i in index]


def change(r, table, model, number):
    """A random view, and what it should be."""
    n, keys = len(model.rows), model.keys
    kind = r.choice(['astuple', 'asdict', 'rows', 'columns', 'column', 'concat', 'join', 'transform', 'batch',
                     'delegate'])
    if kind in ('astuple', 'asdict'):
        return getattr(table, kind)(), Model(keys, {'astuple': tuple, 'asdict': dict}[kind], model.rows)
    rows = random_rows(r, n)
    if kind == 'rows':
        return table.slice[rows], Model(keys, model.mode, take(model.rows, rows))
    places = [r.randrange(len(keys)) for _ in range(1 if kind == 'column' else 2)]
    if kind in ('columns', 'column'):
        names = tuple([r.choice([keys[i] if keys.index(keys[i]) == i else i, i, i - len(keys)]) for i in places])
        mode = None if kind == 'column' else model.mode or tuple
        taken = [tuple([row[i] for i in places]) for row in take(model.rows, rows)]
        return (table.slice[rows, names[0] if kind == 'column' else names],
                Model([keys[i] for i in places], mode, taken))
    if kind == 'concat':
        others = [random_rows(r, n) for _ in range(r.randint(0, 2))]
        return (table.concat(*[table.slice[other] for other in others]),
                Model(keys, model.mode, sum([take(model.rows, other) for other in others], model.rows)))
    if kind == 'join':
        names = f'y{number}', f'z{number}'
        other = tabular.from_data(((names[0], np.arange(n) * 2.), (names[1], [f'z{i}' for i in range(n)])))
        joined = [(2. * i, f'z{i}') for i in range(n)]
        if r.random() < 0.5:
            return (table.join(other),
                    Model(keys + names, model.mode or tuple, [a + b for a, b in zip(model.rows, joined)]))
        return other.join(table), Model(names + keys, tuple, [b + a for a, b in zip(model.rows, joined)])
    if kind == 'transform':
        mode = r.choice([tuple, dict, None])

        def transform(*values, **named):
            assert bool(named) == (model.mode is dict)
            result = str(plain([*values, *named.values()])), len(values) + len(named)
            return result if mode is tuple else dict(zip('qp', result[::-1])) if mode is dict else result[0]

        expected = [(str(list(dict(zip(keys, row)).values() if model.mode is dict else row)),
                     len(set(keys)) if model.mode is dict else len(keys)) for row in model.rows]
        if mode is None:
            return table.transform('p', transform), Model('p', None, [row[:1] for row in expected])
        return table.transform(('p', 'q'), transform), Model('pq', mode, expected)
    if kind == 'batch':
        def transform_batch(*columns, **named):
            return list(map(str, [*columns, *named.values()][-1]))

        return table.transform_batch('p', transform_batch), Model('p', None, [(str(row[-1]),) for row in model.rows])
    return tabular.DelegateDataset(table), model


@pytest.mark.parametrize('seed', range(300))
def test_views_of_views(seed):
    r = random.Random(seed)
    table, model = make_table(r, r.randint(1, 6))
    for number in range(r.randint(0, 4)):
        table, model = change(r, table, model, number)
    model.check(table)


class Table(TabularDataset):
    """Notes what it is asked for."""

    keys = 'a', 'b', 'c'
    mode = tuple

    def __init__(self, n=6):
        self.asked, self.n = [], n

    def __len__(self):
        return self.n

    def get_examples(self, indices, key_indices):
        self.asked.append((indices, key_indices))
        data = np.arange(3 * self.n).reshape(3, self.n)
        data = data if key_indices is None else data[list(key_indices)]
        return tuple(data if indices is None else data[:, indices])


@pytest.mark.parametrize('view, expected', [
    (lambda table: table, (None, None)),
    (lambda table: table.slice[:], (None, None)),
    (lambda table: table.slice[1:5].slice[::2], (slice(1, 5, 2), None)),
    (lambda table: table.slice[::-1], (slice(5, None, -1), None)),
    (lambda table: table.slice[::-1].slice[::-1], (None, None)),
    (lambda table: table.slice[4:].slice[[True, False]], ([4], None)),
    (lambda table: table.slice[:, ('c', 0)].slice[:, 'a'], (None, (0,))),
    (lambda table: table.slice[3:3], (slice(0, 0, None), None)),
    (lambda table: table.concat(Table()).slice[1:4], (slice(1, 4, 1), None)),
    (lambda table: Table().concat(table).slice[-1:4:-1, 1], (slice(5, None, -1), (1,))),
    (lambda table: table.join(tabular.from_data(('x', [0] * 6))).slice[2:, ('c', 'x', 'c', 'a')],
     (slice(2, 6, 1), (2, 0))),
])
def test_no_more_is_read_than_is_asked_for(view, expected):
    table = Table()
    view(table).fetch()
    assert table.asked == [expected]


def test_columns_of_arrays_stay_arrays():
    """Also below each other, where all are alike."""
    table = tabular.from_data((np.arange(3), [1, 2, 3]))
    twice = table.concat(table)
    first, second = twice.fetch()
    assert first.tolist() == [0, 1, 2] * 2 and first.dtype == int and second == [1, 2, 3] * 2
    other = tabular.from_data(('a', np.zeros(2, 'f'))).concat(tabular.from_data(('a', np.zeros(2, 'd'))))
    assert [x.dtype.char for x in other.fetch()] == ['f', 'f', 'd', 'd']


def test_batches():
    """A batch of columns that are arrays is made by indexing once."""
    images, labels = np.random.rand(10, 3, 2), np.arange(10)
    table = tabular.from_data({'x': images, 't': labels})
    batch = next(SerialIterator(table, 4, shuffle=False))
    assert isinstance(batch, Examples)
    np.testing.assert_array_equal(concat_examples(batch)['x'], images[:4])
    with MultiprocessIterator(table.transform('y', lambda x, t: t + 1), 4, shuffle=False, n_processes=2) as batches:
        assert next(batches) == [1, 2, 3, 4]


def test_convert():
    table = tabular.from_data(([1, 2], np.zeros((2, 3)), [np.ones(2), np.zeros(2)]))
    a, b, c = table.convert(table.fetch())
    assert (a.tolist(), b.shape, c.tolist()) == ([1, 2], (2, 3), [[1, 1], [0, 0]])
    converted = tabular.from_data({'a': [1, 2]}).convert({'a': [1, 2]})
    assert isinstance(converted['a'], np.ndarray)
    assert tabular.from_data([1, 2]).convert([]).shape == (0,)
    for data, expected in (({'a': [1]}, ((), {'a': [1]})), (([1], [2]), (([1], [2]), {})), ([1], (([1],), {}))):
        view = tabular.from_data([5]).with_converter(lambda *args, **named: (args, named))
        assert view.convert(data) == expected
        for wrapped in view.astuple(), view.slice[:], view.transform('x', abs):
            assert wrapped.convert(data) == expected
    joined = tabular.from_data(('a', [1])).with_converter(lambda *_: 'first').join(tabular.from_data(('b', [1])))
    assert joined.convert(1) == joined.concat(joined).convert(1) == 'first'
    assert tabular.DelegateDataset(joined).convert([1]).tolist() == [1]  # As in Chainer.


def test_from_data():
    assert tabular.from_data([3, 4])[1] == 4
    assert tabular.from_data(('a', [3, 4])).keys == ('a',)
    assert tabular.from_data(('a', lambda i: i * i), size=10)[5] == 25
    assert tabular.from_data((('a', 'b'), lambda i: (i, -i)), size=3)[2] == (2, -2)
    assert tabular.from_data((np.arange(2), [5, 6]))[1] == (1, 6)
    assert tabular.from_data(([5, 6],))[1] == (6,)
    numbers = tabular.from_data(('a', lambda i: i), size=4)
    assert numbers[-1] == 3  # An index is never negative.
    assert isinstance(ann.dataset.tabular.from_data({'a': [1]})[0], dict)


class Mistakes:
    table = tabular.from_data((('a', [1, 2, 3]), ('b', [4, 5, 6])))
    cases = [
        (lambda: tabular.from_data(3), TypeError, 'expected a list, an array or a function as a column, got int'),
        (lambda: tabular.from_data(()), ValueError, 'from_data: expected at least one column'),
        (lambda: tabular.from_data(len, size=3), ValueError, 'a function needs a name'),
        (lambda: tabular.from_data(('a', len)), ValueError, 'a function needs the argument size'),
        (lambda: tabular.from_data((('a', 'b'), [1])), TypeError, r"has one name, got \('a', 'b'\)"),
        (lambda: tabular.from_data(([1], [1, 2])), ValueError, 'join: expected tables of one length; got 1, 2 rows'),
        (lambda: Mistakes.table.join(Mistakes.table), ValueError, 'different names; got a, b and a, b'),
        (lambda: Mistakes.table.concat(tabular.from_data(('c', [1]))), ValueError,
         'concat: expected tables of the columns a, b; got one of c'),
        (lambda: Mistakes.table.slice[:, 'c'], KeyError, "there is no column 'c', only a, b"),
        (lambda: Mistakes.table.slice[:, (0, 2)], IndexError, 'column 2 is out of range for 2 columns'),
        (lambda: Mistakes.table.slice[[0, 3]], IndexError, 'index 3 is out of range for 3 examples'),
        (lambda: Mistakes.table.slice[[True]], IndexError, 'a mask of 1 booleans for 3 examples'),
        (lambda: Mistakes.table.transform('x', lambda a, b: (a, b))[0], ValueError,
         'transform: expected elements for the columns x; the function returned a tuple of 2'),
        (lambda: Mistakes.table.transform(('x', 'y'), lambda a, b: a)[0], ValueError, 'returned one element'),
        (lambda: Mistakes.table.transform('x', lambda a, b: {'y': 1})[0], ValueError, 'returned a dict of y'),
        (lambda: Mistakes.table.transform('x', lambda a, b: a if a == 1 else (a,)).fetch(), ValueError,
         'transform: the function must always return the same'),
        (lambda: Mistakes.table.transform_batch('x', lambda a, b: a[:2]).fetch(), ValueError,
         "transform_batch: the function made 2 elements of column 'x' for 3 rows"),
        (lambda: TabularDataset().keys, NotImplementedError, 'TabularDataset does not define keys'),
        (lambda: TabularDataset().mode, NotImplementedError, 'TabularDataset does not define mode'),
        (lambda: TabularDataset().get_examples(None, None), NotImplementedError, 'does not override get_examples'),
    ]


@pytest.mark.parametrize('function, error, message', Mistakes.cases)
def test_mistakes(function, error, message):
    with pytest.raises(error, match=message):
        function()
