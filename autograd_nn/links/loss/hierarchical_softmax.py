"""Softmax over the leaves of a binary tree: as many decisions as the tree is deep, not as there are words.

Morin and Bengio, Hierarchical Probabilistic Neural Network Language Model, AISTATS 2005.
"""
from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autograd_nn import backend, variable
from autograd_nn.device_resident import DeviceResidentsVisitor
from autograd_nn.functions.activation.smooth_rectifier import softplus
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.checks import check_indices
from autograd_nn.functions.loss.sampled import check_labelled, scores_of
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.initializers import Uniform
from autograd_nn.link import Link
from autograd_nn.types import Array, ArrayLike, DTypeLike
from autograd_nn.variable import Variable, as_array, as_variable


class TreeParser:
    """Finds the way from the root of a binary tree to each leaf.

    Args:
        dtype: The dtype of codes.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.links.loss.hierarchical_softmax import TreeParser
        >>> parser = TreeParser(np.int8)
        >>> parser.parse(((0, 1), 2))
        >>> parser.size(), parser.get_paths()[1], parser.get_codes()[1]
        (2, array([0, 1], dtype=int32), array([ 1, -1], dtype=int8))
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = dtype

    def parse(self, tree: Any) -> None:
        """Goes through a tree.

        Args:
            tree: A pair of trees, or a leaf: a number that occurs once, not negative.

        Raises:
            ValueError: It is something else.
        """
        self.next_id = 0
        self.paths: dict[int, np.ndarray] = {}
        self.codes: dict[int, np.ndarray] = {}
        waiting: list[Any] = [(tree, [], [])]
        while waiting:
            node, path, code = waiting.pop()
            if isinstance(node, tuple):
                if len(node) != 2:
                    raise ValueError(f'TreeParser: expected nodes with two children, got {node!r}')
                path = [*path, self.next_id]
                self.next_id += 1
                waiting += (node[1], path, [*code, -1]), (node[0], path, [*code, 1])
            elif not isinstance(node, (int, np.integer)) or node < 0 or node in self.paths:
                raise ValueError(f'TreeParser: expected as leaves numbers from 0 on, each of them once, got {node!r}')
            else:
                word = int(node)
                self.paths[word], self.codes[word] = np.array(path, np.int32), np.array(code, self.dtype)

    def size(self) -> int:
        """The number of nodes that are no leaves."""
        return self.next_id

    def get_paths(self) -> dict[int, np.ndarray]:
        """For each leaf the nodes on the way to it, numbered from the root on, left before right."""
        return self.paths

    def get_codes(self) -> dict[int, np.ndarray]:
        """For each leaf, at each of these nodes 1 to go left and -1 to go right."""
        return self.codes


class BinaryHierarchicalSoftmax(Link):
    """The cross entropy of words that are the leaves of a binary tree: a logistic regression at each node on the way.

    Morin and Bengio, Hierarchical Probabilistic Neural Network Language Model, AISTATS 2005.

    Args:
        in_size: The length D of input vectors.
        tree: A pair of trees, or a word: a number that occurs once, not negative. So ``((1, 2), 3)`` has three words.
        dtype: The dtype of the weights; ``config.dtype`` by default.

    Raises:
        ValueError: The tree is something else.

    Attributes:
        W: The weights of all nodes, from the root on, left before right: one less than there are words, each of length
            D, evenly distributed between -1 and 1.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> tree = L.BinaryHierarchicalSoftmax.create_huffman_tree({0: 8, 1: 5, 2: 6, 3: 4})
        >>> tree
        ((3, 1), (2, 0))
        >>> L.BinaryHierarchicalSoftmax(5, tree)(np.zeros((3, 5)), np.array([0, 3, 2]))  # log(2) at 6 nodes
        variable(4.15888308)
    """

    def __init__(self, in_size: int, tree: Any, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        parser = TreeParser(np.int8)
        parser.parse(tree)
        paths, codes = parser.get_paths(), parser.get_codes()
        # For each number how many nodes there are on its way, -1 where it is no word, and where in the arrays they are.
        lengths = np.array([len(paths[word]) if word in paths else -1 for word in range(max(paths) + 1)])
        begins = np.cumsum(np.maximum(lengths, 0)) - lengths
        words = sorted(paths)
        self._ways: Any = lengths, begins, *[np.concatenate([each[word] for word in words]) for each in (paths, codes)]
        with self.init_scope():
            self.W = variable.Parameter(Uniform(1, dtype), (parser.size(), in_size))

    def device_resident_accept(self, visitor: DeviceResidentsVisitor) -> None:
        super().device_resident_accept(visitor)
        self._ways = tuple(map(visitor.visit_array, self._ways))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.W.shape[1]), ('nodes', self.W.shape[0])]

    @staticmethod
    def create_huffman_tree(word_counts: Mapping[int, float]) -> Any:
        """The tree with the shortest ways on average: the more often a word occurs, the fewer nodes are on its way.

        Args:
            word_counts: How often each word occurs.

        Returns:
            A tree for `BinaryHierarchicalSoftmax`.

        Raises:
            ValueError: There are no words.
        """
        if not word_counts:
            raise ValueError('create_huffman_tree: expected at least one word, got none')
        # Of equally frequent trees, that with the word that was named first is taken first.
        heap: list[tuple[float, int, Any]] = [(count, i, word) for i, (word, count) in enumerate(word_counts.items())]
        heapq.heapify(heap)
        while len(heap) > 1:
            left, right = heapq.heappop(heap), heapq.heappop(heap)
            heapq.heappush(heap, (left[0] + right[0], min(left[1], right[1]), (left[2], right[2])))
        return heap[0][2]

    def forward(self, x: ArrayLike, t: ArrayLike) -> Variable:
        """The sum of the losses.

        Args:
            x: Vectors of shape (N, in_size), floating-point.
            t: Words, integers of shape (N,).

        Returns:
            A Variable of shape ``()``.

        Raises:
            ValueError: Shapes do not fit, or a number is no word of the tree.
        """
        x, t = as_variable(x), as_array(t)
        check_labelled('BinaryHierarchicalSoftmax', x, t, self.W)
        lengths, begins, paths, codes = self._ways
        check_indices('BinaryHierarchicalSoftmax', 't', t, len(lengths), f'the largest leaf is {len(lengths) - 1}')
        t = backend.beside(x.array, t)
        length = lengths[t]
        if backend.is_on_host(length) and (length < 0).any():
            raise ValueError(f'BinaryHierarchicalSoftmax: t contains {t[length < 0][0]}, which is no leaf of the tree')
        steps = x.xp.arange(int(length.max()) if length.size else 0)
        on_way = steps < length[:, None]
        places = x.xp.where(on_way, begins[t][:, None] + steps, 0)
        return _loss(x, self.W, paths[places], codes[places], on_way)


@in_single_precision
def _loss(x: Variable, W: Variable, nodes: Array, codes: Array, on_way: Array) -> Variable:
    return where(on_way, softplus(scores_of(nodes, x, W) * -codes.astype(x.dtype)), 0).sum()
