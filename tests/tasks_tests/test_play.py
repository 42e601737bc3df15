"""Playing as a task: it is trained, goes on bit for bit, plays an episode, and says what it cannot play."""
import importlib.util
import json
import re
from argparse import ArgumentParser

import numpy as np
import pytest
from PIL import Image

from autograd_nn import get_device, models
from autograd_nn.reinforcement import CartPole, Catch, PlayUpdater
from autograd_nn.tasks import play
from autograd_nn.training import extensions
from autograd_nn.training.processes import Processes
from support.programs import expect_one_line, run_here

needs_gymnasium = pytest.mark.skipif(importlib.util.find_spec('gymnasium') is None, reason='gymnasium is missing')
# Small runs.
DQN = ('--model', 'dqn', '--epochs', 3, '--epoch-steps', 120, '--environments', 2, '--steps', 10, '--minibatches', 2,
       '--batch-size', 8, '--replay-start', 30, '--replay-size', 200, '--evaluation-episodes', 3)
PPO = ('--model', 'ppo', '--epochs', 3, '--epoch-steps', 120, '--environments', 2, '--steps', 20, '--passes', 2,
       '--batch-size', 16, '--evaluation-episodes', 3)


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch):
    monkeypatch.setattr(play, 'TEST_EPISODES', 5)


@pytest.fixture
def no_curves(monkeypatch):
    """Drawing these takes longer than the rest."""
    monkeypatch.setattr(extensions.PlotReport, 'available', staticmethod(lambda: False))


@pytest.mark.parametrize('options, has_curves', [
    (DQN, False), (('--model', 'dueling_dqn', *DQN[2:], '--double', '--prioritized'), False), (PPO, True)],
    ids=['dqn', 'dueling_dqn', 'ppo'])
def test_a_network_is_trained_and_plays(options, has_curves, tmp_path, request):
    if not has_curves:
        request.getfixturevalue('no_curves')
    process = run_here('train', *options, '--environment', 'catch', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert f'{options[1]} on catch: observations of 50 numbers, 3 actions; ' in process.stdout
    assert (tmp_path / 'result' / 'metric.png').exists() == has_curves
    log = json.loads((tmp_path / 'result' / 'log.json').read_text())
    returns = [entry['validation/main/return'] for entry in log]
    assert len(log) == 3 and all(-1 <= each <= 1 for each in returns) and 'main/loss' in log[-1]
    assert -1 <= log[-1]['main/return'] <= 1
    found = re.search('best weights: (return .* on average over 5 episodes, .*)', process.stdout)[1]
    assert Image.open(tmp_path / 'result' / 'results.png').width > 500
    film = Image.open(tmp_path / 'result' / 'episode.gif')
    assert film.n_frames == 10 and film.size == (100, 200)
    with np.load(tmp_path / 'result' / 'model.npz') as model, np.load(tmp_path / 'result' / 'best.npz') as best:
        assert all((model[name] == best[name]).all() for name in best)
    process = run_here('predict', tmp_path / 'result' / 'model.npz', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith('catch: an episode with the return ')
    assert 'written: predictions/model-episode.gif' in process.stdout
    assert Image.open(tmp_path / 'predictions' / 'model-episode.gif').n_frames == 10
    process = run_here('predict', '--evaluate', 'result/model.npz', 'result/best.npz', cwd=tmp_path)
    assert process.stdout.splitlines() == [f'result/{name}.npz: catch, {found}' for name in ('model', 'best')]
    expect_one_line(run_here('predict', tmp_path / 'result' / 'model.npz', 'photo.png', cwd=tmp_path),
                    'photo.png: a network that plays takes no files')


@pytest.mark.parametrize('options', [(*DQN, '--prioritized'), PPO], ids=['dqn', 'ppo'])
def test_a_run_goes_on_bit_for_bit(options, tmp_path, monkeypatch, no_curves):
    """Replay buffer, priorities, episodes, target network and random numbers are in the snapshot."""
    process = run_here('train', *options, '--out', 'whole', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    update = PlayUpdater.update_core

    def interrupt(updater):
        if updater.iteration == 8:  # in the second epoch
            raise KeyboardInterrupt
        update(updater)

    with monkeypatch.context() as context:
        context.setattr(PlayUpdater, 'update_core', interrupt)
        process = run_here('train', *options, '--out', 'parts', cwd=tmp_path)
        assert process.returncode == 130
    process = run_here('train', '--resume', 'parts', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'continuing after epoch' in process.stdout
    with np.load(tmp_path / 'whole' / 'snapshot.npz') as whole, np.load(tmp_path / 'parts' / 'snapshot.npz') as parts:
        assert set(whole.files) == set(parts.files)
        names = [name for name in whole.files if name.startswith(('updater', 'random_state'))]
        assert len(names) > 30 and any('players/actions' in name for name in names)
        for name in names:
            np.testing.assert_array_equal(parts[name], whole[name], name)
    logs = [json.loads((tmp_path / run / 'log.json').read_text()) for run in ('whole', 'parts')]
    for mine, theirs in zip(*logs):
        assert {name: value for name, value in mine.items() if name not in ('elapsed_time', 'steps/s')} == {
            name: value for name, value in theirs.items() if name not in ('elapsed_time', 'steps/s')}
    expect_one_line(run_here('train', '--resume', 'parts', '--environment', 'catch', '--epochs', 4, cwd=tmp_path),
                    'parts is of cartpole, not of catch')
    expect_one_line(run_here('train', '--resume', 'parts', '--environments', 3, '--epochs', 4, cwd=tmp_path),
                    '--environments 2, not of --environments 3')


@needs_gymnasium
def test_an_environment_of_gymnasium(tmp_path, no_curves):
    process = run_here('train', *DQN, '--environment', 'CartPole-v1', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'dqn on CartPole-v1: observations of 4 numbers, 2 actions' in process.stdout
    own = run_here('train', *DQN, '--environment', 'cartpole', '--out', 'own', cwd=tmp_path)
    assert own.returncode == 0, own.stderr
    with np.load(tmp_path / 'result' / 'model.npz') as theirs, np.load(tmp_path / 'own' / 'model.npz') as mine:
        assert all((mine[name] == theirs[name]).all() for name in theirs), 'it is the same game'
    process = run_here('predict', tmp_path / 'result' / 'model.npz', cwd=tmp_path)
    assert process.returncode == 0 and 'CartPole-v1: an episode with the return' in process.stdout
    for name, words in (('Nothing-v0', ['--environment: there is no environment Nothing-v0']),
                        ('Pendulum-v1', ['--environment: Pendulum-v1 has the actions Box', 'Discrete'])):
        expect_one_line(run_here('train', *DQN, '--environment', name, '--out', 'other', cwd=tmp_path), *words)


def test_an_environment_without_pictures(tmp_path, monkeypatch, no_curves):
    def render(self):
        raise RuntimeError('there are no pictures of it')

    monkeypatch.setattr(Catch, 'render', render)
    process = run_here('train', *DQN, '--environment', 'catch', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'no results.png and no episode.gif: there are no pictures of it' in process.stdout
    assert not list((tmp_path / 'result').glob('*.gif')) and not (tmp_path / 'result' / 'results.png').exists()
    process = run_here('predict', tmp_path / 'result' / 'model.npz', cwd=tmp_path)
    assert process.returncode == 0 and 'there are no pictures of it' in process.stdout


def test_weights_of_another_environment(tmp_path, monkeypatch, no_curves):
    process = run_here('train', *DQN, '--environment', 'catch', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    expect_one_line(run_here('train', *DQN, '--initial-weights', 'result/model.npz', '--out', 'other', cwd=tmp_path),
                    '--initial-weights: result/model.npz')
    monkeypatch.setitem(play.make_environment.__globals__['EMBEDDED'], 'catch', lambda: Catch(columns=7))
    expect_one_line(run_here('predict', 'result/model.npz', cwd=tmp_path),
                    'result/model.npz was trained with another catch: observation_shape [50], here [70]')


def test_one_process_and_full_precision(monkeypatch):
    def check(**changes):
        parser = ArgumentParser()
        play.QLearning.add_arguments(parser)
        options = parser.parse_args(['--batch-size', '8'])
        vars(options).update(model='dqn', amp=changes.get('amp'))
        processes = Processes()
        processes.size = changes.get('size', 1)
        play.QLearning(models.get('dqn'), options, processes, get_device('cpu')).check()

    check()
    with pytest.raises(ValueError, match=r'--processes: dqn learns in one process.*expected 1, got 2'):
        check(size=2)
    with pytest.raises(ValueError, match=r'--amp: .* expected no --amp for dqn'):
        check(amp='float16')


def test_nonsense(tmp_path, monkeypatch):
    def train(*options, model='dqn'):
        return run_here('train', '--model', model, *options, cwd=tmp_path)

    monkeypatch.setitem(__import__('sys').modules, 'gymnasium', None)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *more: None if name == 'gymnasium' else find(name))
    expect_one_line(train('--environment', 'CartPole-v1'), "--environment: CartPole-v1 needs gymnasium (pip install "
                    "'autograd_nn[rl]')", 'cartpole, catch')
    for options, words in (
            (('--gamma', 1.5), '--gamma: expected a number from 0 to 1, got 1.5'),
            (('--epsilon', -1), '--epsilon: expected a number from 0 to 1, got -1'),
            (('--environments', 0), '--environments: expected at least 1, got 0'),
            (('--epoch-steps', 5), '--epoch-steps: expected at least 256, got 5'),
            (('--replay-size', 100, '--replay-start', 80), '--replay-size: expected at least 160, got 100'),
            (('--minibatches', 0), '--minibatches: expected at least 1, got 0')):
        expect_one_line(train(*options), words)
    expect_one_line(train('--clip-eps', 2, model='ppo'), '--clip-eps: expected a number from 0 to 1, got 2')
    assert 'unrecognized arguments: --clip-eps' in train('--clip-eps', 0.1).stderr
    assert 'unrecognized arguments: --double' in train('--double', model='ppo').stderr
    assert not (tmp_path / 'result').exists()


@pytest.mark.parametrize('environment', [CartPole(), Catch()])
def test_films(environment, tmp_path):
    class Right:
        def act(self, x):
            return np.ones(len(x), int)

    film, _ = play.record(environment, Right(), 0)
    length = sum(1 for _ in play.watch_episode(environment, Right().act, 0))
    assert film.frames[-1].tobytes() == environment.render().tobytes(), 'the end is shown'
    every = {CartPole: 3, Catch: 1}[type(environment)]
    assert len(film.frames) == -(-(length - 1) // every) + 1
    assert film.milliseconds == round(1000 * every / environment.steps_per_second)
    picture = play.draw_episode(environment, Right(), 0)
    assert picture.width < 1400 and len(picture.getcolors(100_000)) > 20
