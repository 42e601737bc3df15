"""Links that stay as they are while the rest of a network learns."""
import copy

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizer_hooks, optimizers
from autograd_nn.models.layers.blocks import StagedChain


class Net(ann.Chain):
    """Two blocks with batch normalization, and a classifier."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.block1 = ann.Sequential(L.Convolution2D(3, 4, 3), L.BatchNormalization(4), F.relu)
            self.block2 = ann.Sequential(L.Convolution2D(4, 5, 3), L.BatchNormalization(5), F.relu)
            self.fc = L.Linear(None, 2)

    def forward(self, x):
        return self.fc(self.block2(self.block1(x)))


def snapshot(link):
    """All values of a link, parameters and persistent ones, copied."""
    serializer = ann.serializers.DictionarySerializer()
    serializer.save(link)
    return {key: value.copy() for key, value in serializer.target.items()}


def batch():
    return np.random.randn(6, 3, 8, 8).astype('f'), np.random.randint(0, 2, 6)


def loss(model, x, t):
    return F.softmax_cross_entropy(model(x), t)


@pytest.mark.parametrize('optimizer, hooks', [
    (optimizers.MomentumSGD(0.1), [optimizer_hooks.WeightDecay(0.1), optimizer_hooks.GradientClipping(1.)]),
    (optimizers.AdamW(0.01, weight_decay_rate=0.1), [optimizer_hooks.GradientNoise(0.1)]),
    (optimizers.SGD(0.1), [optimizer_hooks.GradientLARS(), optimizer_hooks.Lasso(0.1)]),
], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize('before_setup', [False, True])
def test_training_leaves_frozen_links_alone(optimizer, hooks, before_setup):
    """To the last bit: parameters, running averages; also with hooks and decay that need no gradient."""
    model = Net()
    model(batch()[0])
    if before_setup:
        model.block1.freeze()
    optimizer.setup(model)
    model.block1.freeze()
    for hook in hooks:
        optimizer.add_hook(hook)
    optimizer.loss_scaling(scale=2.)
    before = snapshot(model)
    for _ in range(3):
        optimizer.update(loss, model, *batch())
    after = snapshot(model)
    for key in before:
        assert np.array_equal(before[key], after[key]) == (key.startswith('block1') or key.endswith('/N')), key
    assert all(param.grad is None for param in model.block1.params())
    optimizer.set_loss_scale(None)


def test_backpropagation_ends_at_frozen_links():
    model = Net()
    x, t = batch()
    model.block1.freeze()
    assert model.block1(x).creator is None and model.block2(model.block1(x)).creator is not None
    loss(model, x, t).backward()
    assert [path for path, param in model.namedparams() if param.grad is None] == [
        '/block1/0/W', '/block1/0/b', '/block1/1/gamma', '/block1/1/beta']


def test_gradients_pass_through_frozen_links():
    """A frozen link above a trained one; its statistics are those of inference."""
    model = Net()
    x, t = batch()
    model(x)
    model.block2.freeze()
    loss(model, x, t).backward()
    with ann.using_config('train', False):
        h = ann.Variable(model.block1[1].xp.zeros((6, 4, 6, 6), 'f'))
    h.array[...] = model.block1(x).array
    expected = F.fixed_batch_normalization(model.block2[0](h), *(model.block2[1].gamma, model.block2[1].beta),
                                           model.block2[1].avg_mean, model.block2[1].avg_var)
    F.softmax_cross_entropy(model.fc(F.relu(expected)), t).backward()
    assert np.abs(model.block1[1].beta.grad).max() > 0
    np.testing.assert_allclose(model.block1[1].beta.grad,
                               (h.grad * (model.block1(x).array > 0)).sum(axis=(0, 2, 3)), rtol=1e-3, atol=1e-5)


def test_unfreeze():
    model = Net()
    model(batch()[0])
    optimizer = optimizers.SGD(0.1).setup(model)
    assert model.freeze() is model and all(link.frozen for link in model.links())
    before = snapshot(model)
    optimizer.update(lambda: F.sum(ann.Variable(np.zeros(1, 'f'))))
    model.block2.unfreeze()
    assert [link.frozen for link in (model, model.block1, model.block1[0], model.block2, model.block2[1])] == [
        True, True, True, False, False]
    optimizer.update(loss, model, *batch())
    after = snapshot(model)
    changed = {key.partition('/')[0] for key in before if not np.array_equal(after[key], before[key])}
    assert changed == {'block2'}
    assert model.unfreeze() is model and not any(link.frozen for link in model.links())
    loss(model, *batch()).backward()
    assert all(param.grad is not None for param in model.params())


def test_uninitialized_parameters_and_integers():
    model = ann.Chain(fc=L.Linear(None, 2), other=ann.Link())
    with model.other.init_scope():
        model.other.count = ann.Parameter(np.arange(3))
    model.freeze()
    model.fc(np.ones((1, 4), 'f'))
    assert not model.fc.W.requires_grad
    model.unfreeze()
    assert model.fc.W.requires_grad and not model.other.count.requires_grad


@pytest.mark.parametrize('duplicate', [copy.deepcopy, ann.Link.copy], ids=['deepcopy', 'copy'])
def test_copies_are_frozen_too(duplicate):
    model = Net()
    model.block1.freeze()
    copied = duplicate(model)
    assert copied.block1[1].frozen and not copied.fc.frozen
    assert not copied.block1[0].W.requires_grad and copied.fc.W.requires_grad


def test_freeze_until():
    model = Net()
    assert model.freeze_until('block2') is model
    assert [child.frozen for child in model.children()] == [True, True, False]
    row = ann.Sequential(L.Linear(2, 2), F.relu, L.Linear(2, 2)).freeze_until('0')
    assert row[0].frozen and not row[2].frozen
    with pytest.raises(ValueError, match=r"Net has no layer 'conv9'; expected one of block1, block2, fc$"):
        model.freeze_until('conv9')


def test_freeze_until_a_stage():
    """The layers of a stage have names of their own; a head beside the main path goes on learning."""
    model = StagedChain()
    model.add_stage('stem', conv=L.Convolution2D(3, 4, 3), bn=L.BatchNormalization(4), relu=F.relu)
    model.add_stage('pool', F.relu)
    model.add_stage('side', L.Linear(None, 2), branch=True)
    model.add_stage('tail', L.Linear(None, 2))
    model.freeze_until('side')
    assert [model[name].frozen for name in ('conv', 'bn', 'side', 'tail')] == [True, True, False, False]
    with pytest.raises(ValueError, match=r'expected one of stem, pool, side, tail$'):
        model.freeze_until('conv')
