"""Two networks that learn against each other: who is updated when, by which loss, and that a resumption goes on."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import iterators, optimizers, serializers, training
from autograd_nn.training.updaters import AdversarialUpdater


class Scale(ann.Chain):
    def __init__(self, start):
        super().__init__()
        with self.init_scope():
            self.layer = L.Scale(W_shape=(), axis=0)
        self.layer.W.array[...] = start

    def forward(self, x):
        loss = F.mean(self.layer.W * x)
        ann.report({'loss': loss}, self)
        return loss


def make(steps=1, losses=None, data=None):
    data = np.arange(1, 9, dtype='f') if data is None else data
    models = {'main': Scale(1.), 'critic': Scale(2.), 'other': Scale(3.)}
    made = {name: optimizers.SGD(0.1).setup(model) for name, model in models.items()}
    iterator = iterators.SerialIterator(data, 2, shuffle=False)
    return models, AdversarialUpdater(iterator, made, losses, steps)


def values(models):
    return {name: float(model.layer.W.array) for name, model in models.items()}


def test_each_has_a_loss_of_its_own_and_the_main_one_comes_last():
    order = []

    def loss(name, sign):
        def compute(x):
            order.append(name)
            return sign * models[name](x)
        return compute

    models, updater = make(losses={'main': loss('main', -1), 'critic': loss('critic', 1)})
    updater.update()
    # The mean of the first batch is 1.5; the loss of `other` is what the model computes.
    assert values(models) == {'main': pytest.approx(1.15), 'critic': pytest.approx(1.85), 'other': pytest.approx(2.85)}
    assert order == ['critic', 'main']


def test_the_main_one_is_updated_each_so_many_times():
    _, updater = make(steps=3)
    counts = []
    for _ in range(7):
        updater.update()
        counts.append((updater.get_optimizer('main').t, updater.get_optimizer('critic').t))
    assert counts == [(0, 1), (0, 2), (1, 3), (1, 4), (1, 5), (2, 6), (2, 7)]
    assert updater.epoch == 1 and updater.iteration == 7, 'each iteration takes one batch'
    assert all(optimizer.epoch == 1 for optimizer in updater.get_all_optimizers().values())


def test_a_resumption_goes_on_in_the_same_turn(tmp_path):
    whole, updater = make(steps=3)
    for _ in range(7):
        updater.update()
    _, first = make(steps=3)
    for _ in range(4):
        first.update()
    serializers.save_npz(tmp_path / 'updater.npz', first)
    parts, second = make(steps=3)
    serializers.load_npz(tmp_path / 'updater.npz', second)
    for _ in range(3):
        second.update()
    assert values(parts) == values(whole)


def test_a_trainer_reports_all_losses(tmp_path):
    _, updater = make()
    trainer = training.Trainer(updater, (1, 'epoch'), out=tmp_path)
    trainer.extend(training.extensions.LogReport())
    trainer.run()
    assert {'main/loss', 'critic/loss', 'other/loss'} <= trainer.get_extension('LogReport').log[-1].keys()


def test_gradients_of_one_do_not_reach_the_other():
    """What the main loss does to the critic's gradients is forgotten before the critic's next update."""
    models, updater = make(losses={'main': lambda x: models['main'](x) * models['critic'].layer.W})
    before = values(models)['critic']
    updater.update()
    after = values(models)['critic']
    assert after == pytest.approx(before - 0.15)
    updater.update()
    assert values(models)['critic'] == pytest.approx(after - 0.35)


def test_mistakes():
    one = optimizers.SGD().setup(Scale(1.))
    iterator = iterators.SerialIterator(np.zeros(4, 'f'), 2)
    both = {'main': one, 'two': one}
    for made, losses in ({'main': one}, {}), ({'one': one, 'two': one}, {}), (both, {'three': None}):
        with pytest.raises(ValueError, match="AdversarialUpdater: expected optimizers 'main' and others"):
            AdversarialUpdater(iterator, made, losses)
    with pytest.raises(ValueError, match='at least 1 as steps, got 0'):
        make(steps=0)
