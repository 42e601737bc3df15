"""Optimizers by name, and the course of the learning rate."""
import numpy as np
import pytest

import autograd_nn.links as L
from autograd_nn.training.optimization import OPTIMIZERS, SCHEDULES, Optimization


@pytest.mark.parametrize('course', SCHEDULES)
def test_courses_of_the_learning_rate(course):
    """Against the formulas, with and without a rise of a quarter of the training."""
    done = np.arange(12) / 12
    expected = {'cosine': np.cos(np.pi * done / 2) ** 2, 'linear': (12 - np.arange(12)) / 12, 'constant': np.ones(12),
                'step': np.repeat([1, 0.1, 0.01], [6, 3, 3])}[course]
    plain, rising = (Optimization('sgd', 0.5, course, warmup).make_schedule(updates)
                     for warmup, updates in ((0, 12), (0.25, 16)))
    np.testing.assert_allclose([plain.value(0.5, t) for t in range(12)], 0.5 * expected, rtol=1e-12)
    np.testing.assert_allclose([rising.value(0.5, t) for t in range(16)],
                               0.5 * np.concatenate([[0.2, 0.4, 0.6, 0.8], expected]), rtol=1e-12)
    assert plain.value(0.5, 12) == {'constant': 0.5, 'step': pytest.approx(0.005)}.get(course, 0)


@pytest.mark.parametrize('course', SCHEDULES)
def test_in_the_part_that_is_averaged_the_rate_stays(course):
    plain, held = (Optimization('sgd', 0.5, course, 0.125, swa=swa) for swa in (0, 0.25))
    assert (plain.start_of_averaging(40), held.start_of_averaging(40)) == (40, 30)
    plain, held = (each.make_schedule(40) for each in (plain, held))
    assert [held.value(0.5, t) for t in range(41)] == [plain.value(0.5, min(t, 30)) for t in range(41)]
    assert Optimization('sgd', 0.5, swa=0.5).describe(40).endswith(
        'along a cosine; after 20 updates it stays at 0.25, and weights are averaged')


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_optimizers_have_the_rate_that_is_asked_for(name):
    optimization = Optimization(name, lr=0.25, clip=2, weight_decay=0.125)
    optimizer = optimization.make_optimizer(L.Linear(3, 2))
    assert getattr(optimizer, optimization.rate) == 0.25
    optimizer.remove_hook('GradientClipping')
    if name == 'adamw':
        assert optimizer.weight_decay_rate == 0.125
    else:
        optimizer.remove_hook('WeightDecay')
    assert optimization.describe(100).endswith('gradients are clipped at norm 2; weight decay 0.125')


@pytest.mark.parametrize('name', ['adam', 'adamw'])
def test_how_long_adam_remembers(name):
    optimization = Optimization(name, lr=0.25, betas=[0.5, 0.75])
    optimizer = optimization.make_optimizer(L.Linear(3, 2))
    assert (optimizer.beta1, optimizer.beta2) == (0.5, 0.75)
    assert optimization.describe(100).endswith('; betas 0.5 and 0.75')
    assert optimization.remember(optimizer).chosen['beta1'] == 0.5
    usual = Optimization(name, lr=0.25).make_optimizer(L.Linear(3, 2))
    assert (usual.beta1, usual.beta2) == (0.9, 0.999)


@pytest.mark.parametrize('values, message', [
    ({'optimizer': 'adams'}, 'optimizer: expected one of sgd, .*; got adams'),
    ({'schedule': 'waves'}, 'schedule: expected one of cosine, .*; got waves'),
    ({'lr': 0}, 'lr: expected a positive number, got 0'), ({'lr': np.inf}, 'lr: .* got inf'),
    ({'warmup': 1}, 'warmup: expected a part of the training, from 0 to less than 1, got 1'),
    ({'betas': (0.5, 1)}, r'betas: expected two numbers from 0 to less than 1, got \(0.5, 1\)'),
    ({'optimizer': 'momentum', 'betas': (0.5, 0.9)}, 'betas: expected adam or adamw as optimizer, got momentum'),
    ({'swa': 1}, 'swa: expected a part of the training, from 0 to less than 1, got 1'), ({'swa': -0.5}, 'swa: .*'),
    ({'swa': 0.5, 'warmup': 0.5}, 'swa: 0.5 of the training leave no part .* a warmup of 0.5'),
    ({'clip': np.nan}, 'clip: .* got nan'), ({'weight_decay': -1}, 'weight_decay: expected at least 0, got -1'),
])
def test_impossible_values(values, message):
    with pytest.raises(ValueError, match=f'^{message}$'):
        Optimization(**{'optimizer': 'adam', 'lr': 0.1, **values})
