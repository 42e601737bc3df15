"""Small stand-ins for trainers, and a small training with everything in it."""
import numpy as np

from autograd_nn import functions as F
from autograd_nn import links as L
from autograd_nn import optimizers, random, training
from autograd_nn.iterators import SerialIterator
from autograd_nn.link import Chain
from autograd_nn.optimizer_hooks import GradientNoise, WeightDecay
from autograd_nn.reporter import report


class FakeUpdater:
    """Counts iterations of `batch_size` of `size` examples; trains nothing."""

    def __init__(self, size=10, batch_size=3):
        self.size, self.batch_size = size, batch_size
        self.iteration = 0

    @property
    def epoch(self):
        return self.iteration * self.batch_size // self.size

    @property
    def epoch_detail(self):
        # As iterators compute it: rounding errors included.
        return self.epoch + self.iteration * self.batch_size % self.size / self.size

    def connect_trainer(self, trainer):
        pass

    def get_all_optimizers(self):
        return {}

    def update(self):
        self.iteration += 1

    def finalize(self):
        self.finalized = True

    def serialize(self, serializer):
        self.iteration = serializer('iteration', self.iteration)


class Saver:
    """A serializer into a dictionary."""

    def __init__(self, target, path=''):
        self.target, self.path = target, path

    def __getitem__(self, name):
        return type(self)(self.target, f'{self.path}{name}/')

    def __call__(self, name, value):
        self.target[self.path + name] = np.array(value)
        return value


class Loader(Saver):
    """A deserializer from it."""

    def __call__(self, name, value):
        stored = self.target[self.path + name][()]
        return stored if value is None or stored is None else type(value)(stored)


class Model(Chain):
    """A classifier with dropout and batch normalization, whose first layer finds its size by itself."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, 5)
            self.bn = L.BatchNormalization(5)
            self.l2 = L.Linear(5, 3)

    def forward(self, x, t):
        y = self.l2(F.dropout(F.relu(self.bn(self.l1(x))), 0.3))
        loss = F.softmax_cross_entropy(y, t)
        report({'loss': loss, 'accuracy': F.accuracy(y, t), 'correct': (y.array.argmax(1) == t).sum(),
                'count': len(t)}, self)
        return loss


def dataset(size, seed):
    state = np.random.RandomState(seed)
    return list(zip(state.randn(size, 4).astype('f'), state.randint(0, 3, size).astype('i')))


def make_trainer(out, stop=(4, 'epoch'), optimizer='Adam', extensions=True, seed=0):
    """A training of 7 iterations every 2 epochs, with every extension that has a state."""
    random.seed(seed)
    model = Model()
    opt = getattr(optimizers, optimizer)().setup(model)
    opt.add_hook(WeightDecay(1e-3))
    opt.add_hook(GradientNoise(1e-3))
    updater = training.StandardUpdater(SerialIterator(dataset(14, 1), 4), opt)
    trainer = training.Trainer(updater, stop, out)
    if extensions:
        extend(trainer, model, 'alpha' if optimizer == 'Adam' else 'lr')
    return trainer


def extend(trainer, model, attr):
    E, T = training.extensions, training.triggers
    evaluator = E.Evaluator(SerialIterator(dataset(5, 2), 2, repeat=False, shuffle=True), model)
    trainer.extend(evaluator, trigger=(0.5, 'epoch'))
    trainer.extend(E.LogReport(trigger=(3, 'iteration'), filename='log.json'))
    trainer.extend(E.LogReport(['main/loss', 'validation/main/loss']), name='by_epoch')
    trainer.extend(E.PlotReport(['main/loss'], trigger=(1, 'epoch')))
    trainer.extend(E.MicroAverage('main/correct', 'main/count', 'main/micro', trigger=(2, 'epoch')))
    trainer.extend(E.ExponentialShift(attr, 0.9), trigger=(2, 'iteration'))
    trainer.extend(E.WarmupShift('eta' if attr == 'alpha' else attr, 0.1, 5, 1.0))
    trainer.extend(E.observe_value(attr, lambda t: getattr(t.updater.get_optimizer('main'), attr)),
                   trigger=(1, 'iteration'))
    trainer.extend(E.ParameterStatistics(model.l2), trigger=(2, 'epoch'))
    trainer.extend(E.FailOnNonNumber())
    trainer.fired = []
    for name, trigger in [('max', T.MaxValueTrigger('main/accuracy', (2, 'iteration'))),
                          ('min', T.MinValueTrigger('validation/main/loss')),
                          ('manual', T.ManualScheduleTrigger([0.5, 2.3], 'epoch')), ('once', T.OnceTrigger()),
                          ('interval', (0.7, 'epoch'))]:
        trainer.extend(lambda t, name=name: t.fired.append((t.updater.iteration, name)), name=name, trigger=trigger)
        # The same after all snapshots.
        trainer.extend(lambda t, name=name: t.fired.append((t.updater.iteration, 'late ' + name)), name='late ' + name,
                       trigger=trigger if isinstance(trigger, tuple) else None, priority=-1000)
    trainer.extend(E.snapshot_object(model, 'best.npz'), name='best',
                   trigger=T.MinValueTrigger('validation/main/loss'))
