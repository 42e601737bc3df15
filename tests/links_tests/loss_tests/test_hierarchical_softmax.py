"""Softmax over the leaves of a tree: against a walk down the tree, and Huffman's trees."""
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.links as L
from autograd_nn import cuda, serializers
from autograd_nn.links.loss.hierarchical_softmax import TreeParser
from autograd_nn.utils.type_check import ShapeError
from support.checking import check_function, uniform

create_huffman_tree = L.BinaryHierarchicalSoftmax.create_huffman_tree
trees = st.integers(1, 7).flatmap(lambda n: st.permutations(range(n))).flatmap(
    lambda words: st.builds(grown, st.just(words), st.lists(st.integers(0, 99), min_size=8, max_size=8)))


def grown(words, choices):
    """A tree of words whose neighbours are joined in some order."""
    nodes = list(words)
    for choice in choices:
        if len(nodes) > 1:
            i = choice % (len(nodes) - 1)
            nodes[i:i + 2] = [(nodes[i], nodes[i + 1])]
    return nodes[0]


def count_nodes(tree):
    return 1 + sum(map(count_nodes, tree)) if isinstance(tree, tuple) else 0


def log_probabilities(tree, scores, node=0):
    """The logarithm of the probability of each word below a node, by its score, to the left by the sigmoid of it."""
    if not isinstance(tree, tuple):
        return {tree: 0.}
    left = log_probabilities(tree[0], scores, node + 1)
    right = log_probabilities(tree[1], scores, node + 1 + count_nodes(tree[0]))
    return {**{word: p - np.logaddexp(0, -scores[node]) for word, p in left.items()},
            **{word: p - np.logaddexp(0, scores[node]) for word, p in right.items()}}


@given(trees, st.integers(0, 4))
def test_walk_down_the_tree(tree, n):
    words = sorted(log_probabilities(tree, np.zeros(9)))
    link, t = L.BinaryHierarchicalSoftmax(3, tree), np.random.choice(words, n)
    assert link.W.shape == (len(words) - 1, 3)

    def loss(x, W):
        link.to_device(x.device)
        link.W = W
        return link(x, x.device.send(t))

    # In the place of the parameter, a Variable whose gradient is checked.
    with link.init_scope():
        del link.W
    check_function(loss, lambda x, W: -sum(log_probabilities(tree, W @ row)[word] for row, word in zip(x, t)) + 0.,
                   uniform(n, 3), uniform(len(words) - 1, 3))


def test_probabilities_of_all_words_sum_to_one():
    link = L.BinaryHierarchicalSoftmax(3, (((0, 5), 1), (2, (3, 4))), dtype='float64')
    x = uniform(1, 3)
    assert np.isclose(sum(np.exp(-link(x, np.array([word])).array) for word in range(6)), 1)


def test_ways():
    parser = TreeParser(np.float32)
    parser.parse(((3, (0, 7)), 1))
    assert parser.size() == 3
    assert {word: path.tolist() for word, path in parser.get_paths().items()} == {
        3: [0, 1], 0: [0, 1, 2], 7: [0, 1, 2], 1: [0]}
    assert {word: code.tolist() for word, code in parser.get_codes().items()} == {
        3: [1, 1], 0: [1, -1, 1], 7: [1, -1, -1], 1: [-1]}
    assert parser.get_codes()[3].dtype == 'float32'


def test_a_tree_deeper_than_python_calls():
    tree = 0
    for word in range(1, 3000):
        tree = tree, word
    link = L.BinaryHierarchicalSoftmax(2, tree)
    np.testing.assert_allclose(link(np.zeros((1, 2), 'f'), np.array([2900])).array, 100 * np.log(2), rtol=1e-5)


@pytest.mark.parametrize('counts, tree', [
    ({0: 8, 1: 5, 2: 6, 3: 4}, ((3, 1), (2, 0))),
    ({4: 1, 2: 1, 9: 1}, (9, (4, 2))),
    ({7: 3}, 7),
    ({0: 1.5, 1: 0.25, 2: 0.5, 3: 40}, (((1, 2), 0), 3)),
])
def test_huffman(counts, tree):
    """As Chainer prints them."""
    assert create_huffman_tree(counts) == tree


@given(st.lists(st.integers(1, 50), min_size=2, max_size=8))
def test_huffman_is_the_shortest_of_all(counts):
    """By the theorem of Kraft: no lengths that a tree can have cost less."""
    def cheapest(weights, depth=0):
        if len(weights) == 1:
            return weights[0] * depth
        return min(cheapest(weights[:k], depth + 1) + cheapest(weights[k:], depth + 1) for k in range(1, len(weights)))

    lengths = {word: -round(p / np.log(2)) for word, p in
               log_probabilities(create_huffman_tree(dict(enumerate(counts))), np.zeros(9)).items()}
    assert sum(counts[word] * length for word, length in lengths.items()) == cheapest(sorted(counts))


def test_files_and_text():
    link = L.BinaryHierarchicalSoftmax(3, ((0, 1), 2))
    assert abs(link.W.array).max() <= 1
    file = io.BytesIO()
    serializers.save_npz(file, link)
    file.seek(0)
    assert np.load(file).files == ['W']
    assert repr(link) == 'BinaryHierarchicalSoftmax(in_size=3, nodes=2)'
    assert L.BinaryHierarchicalSoftmax(3, (0, 1), dtype='float16').W.dtype == 'float16'


@pytest.mark.skipif(not cuda.available, reason='needs a GPU')
def test_a_copy_on_a_gpu():
    link, t = L.BinaryHierarchicalSoftmax(3, ((0, 1), 2)), np.array([0, 1, 2])
    x, there = np.ones((3, 3), 'f'), link.copy().to_gpu()
    np.testing.assert_allclose(cuda.to_cpu(there(cuda.to_gpu(x), cuda.to_gpu(t)).array), link(x, t).array, rtol=1e-5)


def test_mistakes_are_named():
    for tree in (0, 1, 2), (0, (1, 0)), (0, -1), (0, 'word'):
        with pytest.raises(ValueError, match='TreeParser: expected'):
            L.BinaryHierarchicalSoftmax(3, tree)
    with pytest.raises(ValueError, match='create_huffman_tree: expected at least one word'):
        create_huffman_tree({})
    link, x = L.BinaryHierarchicalSoftmax(3, ((0, 1), 4)), np.zeros((1, 3), 'f')
    with pytest.raises(ValueError, match='BinaryHierarchicalSoftmax: t contains 5, expected numbers from 0 to 4'):
        link(x, np.array([5]))
    with pytest.raises(ValueError, match='BinaryHierarchicalSoftmax: t contains 2, which is no leaf of the tree'):
        link(x, np.array([2]))
    with pytest.raises(ShapeError, match=r'BinaryHierarchicalSoftmax: .*\(1, 2\), \(1,\) of int64 and \(2, 3\)'):
        link(x[:, :2], np.array([0]))
