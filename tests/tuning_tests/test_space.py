"""What is searched over, as it is written on a command line."""
import optuna
import pytest

from autograd_nn.tuning import Choice, Range, grid_of, parse_dimension


@pytest.mark.parametrize('text, kind, expected', [
    ('lr=1e-5:1e-1:log', float, Range('lr', 1e-5, 0.1, is_log=True)),
    ('--weight-decay=0:0.5', float, Range('weight_decay', 0., 0.5)),
    ('units=50:200:50', int, Range('units', 50, 200, step=50, is_whole=True)),
    ('batch_size=32,64,128', int, Choice('batch_size', (32, 64, 128))),
    ('lr=0.1', float, Choice('lr', (0.1,))),
    ('optimizer=adam,momentum', str, Choice('optimizer', ('adam', 'momentum'))),
    ('dataset=C:/a,C:/b', str, Choice('dataset', ('C:/a', 'C:/b'))),
])
def test_what_is_understood(text, kind, expected):
    assert parse_dimension(text, kind) == expected
    assert parse_dimension(expected.text, kind) == expected


@pytest.mark.parametrize('text, kind, message', [
    ('lr', float, "expected NAME=LOW:HIGH[:log] or NAME=VALUE,VALUE,..., got 'lr'"), ('=1:2', float, 'expected NAME='),
    ('lr=', float, 'expected NAME='), ('lr=1:b', float, "lr: expected numbers, got 'b'"),
    ('lr=1:2:3:4', float, "lr: expected LOW:HIGH, LOW:HIGH:log or LOW:HIGH:STEP, got '1:2:3:4'"),
    ('lr=2:1', float, 'lr: expected a range from a smaller to a larger number'), ('lr=1:1', float, 'from a smaller'),
    ('lr=0:1:log', float, 'lr: a logarithmic range begins above 0'),
    ('lr=1:2:lgo', float, "expected numbers, got 'lgo'"),
    ('lr=1:2:-1', float, 'lr: expected a step from 0 to 1, got -1'), ('lr=1:2:5', float, 'expected a step'),
    ('units=1.5,2', int, "units: expected whole numbers, got '1.5'"), ('lr=nan,1', float, 'expected finite numbers'),
    ('lr=1:inf', float, 'expected finite numbers'), ('a=1,2,1', int, 'the same value stands there twice'),
])
def test_nonsense(text, kind, message):
    with pytest.raises(ValueError) as caught:
        parse_dimension(text, kind)
    assert message in str(caught.value)


def test_values_are_suggested_within_their_ranges():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    dimensions = [parse_dimension('lr=1e-5:1e-1:log'), parse_dimension('units=50:200:50', int),
                  parse_dimension('depth=1:64:log', int), parse_dimension('p=0:0.5:0.25'),
                  parse_dimension('name=a,b', str)]
    found = [{each.name: each.suggest(trial) for each in dimensions} for trial in (study.ask() for _ in range(200))]
    assert all(1e-5 <= values['lr'] <= 0.1 for values in found)
    assert 0.35 < sum(values['lr'] < 1e-3 for values in found) / 200 < 0.65, 'half of the orders of magnitude'
    assert {values['units'] for values in found} == {50, 100, 150, 200}
    assert {values['p'] for values in found} == {0, 0.25, 0.5} and {values['name'] for values in found} == {'a', 'b'}
    assert all(isinstance(values['depth'], int) and 1 <= values['depth'] <= 64 for values in found)


def test_grids():
    assert parse_dimension('lr=1e-4:1e-1:log').grid() == [1e-4, 1e-3, 1e-2, 0.1]
    assert parse_dimension('lr=0.1:0.5:0.2').grid() == [0.1, 0.3, 0.5]
    assert parse_dimension('n=3:300:log', int).grid() == [3, 10, 100, 300]
    assert parse_dimension('n=3:5', int).grid() == [3, 4, 5]
    assert len(grid_of([parse_dimension('a=1,2', int), parse_dimension('b=1:4', int)])) == 8
    with pytest.raises(ValueError, match=r'^lr=0:1 has endless many values: a grid needs a step, as lr=0:1:0\.25, or'):
        grid_of([parse_dimension('lr=0:1')])
