"""Chainer 7, in the style of the example `sentiment`: trees of words, by recursion (TreeLSTM, too) and by a stack."""
import argparse

import numpy as np

import chainer
from chainer import optimizers
from chainer.utils import type_check
import chainer.functions as F
import chainer.links as L


class Push(chainer.Function):
    """Writes a row for each tree into a stack (B, N, D), in place: all states share its memory."""

    def check_type_forward(self, in_types):
        type_check.expect(in_types.size() == 3)
        stack, index, row = in_types
        type_check.expect(stack.dtype.kind == 'f', stack.ndim == 3, index.dtype.kind == 'i', row.dtype == stack.dtype,
                          row.shape[1] == stack.shape[2], index.shape[0] == row.shape[0])

    def forward(self, inputs):
        stack, index, row = inputs
        self.retain_inputs((1,))
        stack[np.arange(len(index)), index] = row
        return stack,

    def backward(self, inputs, grads):
        place = np.arange(len(inputs[1])), inputs[1]
        g, = grads
        row = g[place]
        g[place] = 0
        return g, None, row


class Peek(chainer.Function):
    """Reads a row for each tree; the stack goes on."""

    def check_type_forward(self, in_types):
        type_check.expect(in_types.size() == 2, in_types[0].ndim == 3, in_types[1].ndim == 1)

    def forward(self, inputs):
        stack, index = inputs
        self.retain_inputs((1,))
        self.shape = stack.shape
        return stack[np.arange(len(index)), index], stack

    def backward(self, inputs, grads):
        index = inputs[1]
        row, g = grads
        if g is None:
            g = np.zeros(self.shape, row.dtype)
        if row is not None:
            g[np.arange(len(index)), index] += row
        return g, None


class RecursiveNet(chainer.Chain):

    def __init__(self, n_words, n_units, n_labels):
        super(RecursiveNet, self).__init__()
        with self.init_scope():
            self.embed = L.EmbedID(n_words, n_units)
            self.both = L.Linear(2 * n_units, n_units)
            self.out = L.Linear(n_units, n_labels)

    def leaf(self, word):
        return self.embed(word)

    def node(self, left, right):
        return F.tanh(self.both(F.concat((left, right))))

    def label(self, v):
        return self.out(v)


class TreeNet(RecursiveNet):
    """With binary tree LSTMs, whose cells and outputs stand side by side."""

    def __init__(self, n_words, n_units, n_labels):
        super(TreeNet, self).__init__(n_words, n_units, n_labels)
        del self.both
        with self.init_scope():
            self.tree = L.NaryTreeLSTM(n_units, n_units, n_ary=2)

    def leaf(self, word):
        return F.concat(self.tree(None, None, None, None, self.embed(word)))

    def node(self, left, right):
        (c1, h1), (c2, h2) = F.split_axis(left, 2, 1), F.split_axis(right, 2, 1)
        return F.concat(self.tree(c1, c2, h1, h2, None))

    def label(self, v):
        return self.out(F.split_axis(v, 2, 1)[1])


def walk(net, tree, results):
    """The vector of a tree; `results` gets the loss of each node and whether its label is found."""
    what, label = tree
    if isinstance(what, int):
        v = net.leaf(net.xp.array([what], np.int32))
    else:
        v = net.node(*(walk(net, child, results) for child in what))
    y = net.label(v)
    results.append((F.softmax_cross_entropy(y, net.xp.array([label], np.int32)), int(y.array.argmax()) == label))
    return v


def total_loss(net, trees):
    results = []
    for tree in trees:
        walk(net, tree, results)
    return sum(loss for loss, _ in results) / len(trees)


def stacked_loss(net, trees, n_units):
    """The same for trees of one size at once: nodes are numbered, children before their parents."""
    nodes = chainer.dataset.concat_examples([number_nodes(tree) for tree in trees])
    stack = chainer.Variable(net.xp.zeros((len(trees), nodes.shape[1], n_units), np.float32))
    loss = 0
    for i in range(nodes.shape[1]):
        word, left, right, label = np.ascontiguousarray(nodes[:, i].T)
        if i < (nodes.shape[1] + 1) // 2:
            v = net.leaf(word)
        else:
            l, stack = Peek()(stack, left)
            r, stack = Peek()(stack, right)
            v = net.node(l, r)
        loss += F.softmax_cross_entropy(net.label(v), label)
        stack = Push()(stack, np.full(len(trees), i, np.int32), v)
    return loss


def number_nodes(tree):
    """A row (word, left, right, label) for each node, leaves first."""
    leaves, inner = [], []

    def visit(what, label):
        if isinstance(what, int):
            leaves.append((what, -1, -1, label))
            return 0, len(leaves) - 1
        children = [visit(*child) for child in what]
        inner.append((children, label))
        return 1, len(inner) - 1

    visit(*tree)
    starts = 0, len(leaves)
    return np.array(leaves + [(-1,) + tuple(starts[kind] + i for kind, i in children) + (label,)
                              for children, label in inner], np.int32)


def make_tree(rs, n_words):
    """Words are bad (0), good (1) or `not` (2), which stands on the left and turns what is right of it round."""
    if n_words == 1:
        word = int(rs.randint(0, 2))
        return word, word
    if rs.rand() < .4:
        right = make_tree(rs, n_words - 1)
        return ((2, 1), right), 1 - right[1]
    k = rs.randint(1, n_words)
    left, right = make_tree(rs, k), make_tree(rs, n_words - k)
    return (left, right), left[1] & right[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--epoch', '-e', default=4, type=int)
    parser.add_argument('--net', choices=['recursive', 'tree'], default='tree')
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    rs = np.random.RandomState(0)
    train, test = [[make_tree(rs, 4) for _ in range(n)] for n in (70, 30)]
    net = {'recursive': RecursiveNet, 'tree': TreeNet}[args.net](3, 12, 2)
    net.to_device(device)
    optimizer = optimizers.AdaGrad(lr=.2).setup(net)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(1e-4))
    iterator = chainer.iterators.SerialIterator(train, 10)
    while iterator.epoch < args.epoch:
        loss = total_loss(net, iterator.next())
        net.cleargrads()
        loss.backward()
        optimizer.update()
        if iterator.is_new_epoch:
            print('epoch', iterator.epoch, 'loss', float(loss.array))
    results = []
    with chainer.no_backprop_mode(), chainer.using_config('train', False):
        for tree in test:
            walk(net, tree, results)
    print('accuracy', np.mean([is_right for _, is_right in results]))
    assert np.mean([is_right for _, is_right in results]) > .9

    net = RecursiveNet(3, 12, 2)
    gradients = []
    for loss in stacked_loss(net, train[:8], 12), total_loss(net, train[:8]):
        net.cleargrads()
        loss.backward()
        gradients.append([float(loss.array)] + [float(abs(param.grad).sum()) for param in net.params()])
    print('stack', *gradients[0])
    np.testing.assert_allclose(*gradients, rtol=1e-4)


if __name__ == '__main__':
    main()
