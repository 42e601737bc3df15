"""Learning by playing: environments instead of data, returns instead of a measure."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw

import autograd_nn
from autograd_nn import iterators, models
from autograd_nn.backend import Device
from autograd_nn.reinforcement import (
    EMBEDDED,
    Environment,
    LinearDecayEpsilonGreedy,
    Players,
    PlayUpdater,
    PPOLoss,
    PPOUpdater,
    PrioritizedReplayBuffer,
    QLearningLoss,
    QLearningUpdater,
    ReplayBuffer,
    make_environment,
    play_episodes,
    watch_episode,
)
from autograd_nn.serializers import load_npz
from autograd_nn.tasks.options import check_at_least
from autograd_nn.tasks.sample_task import sheet
from autograd_nn.tasks.task import Answer, Member, Predictor, Task
from autograd_nn.training import extensions
from autograd_nn.training.extension import Extension
from autograd_nn.training.run_folder import BEST, EPISODE, MODEL, RESULTS_PICTURE, load_weights, save_quickly
from autograd_nn.training.standard_trainer import Speed
from autograd_nn.training.trainer import Trainer
from autograd_nn.utils import Animation
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.fonts import load_font

# Seeds of the episodes that are played after each epoch, and of those at the end.
VALIDATION = 1_000_000
TEST = 2_000_000
TEST_EPISODES = 100
# How many environments are played side by side in evaluations.
SIDE_BY_SIDE = 20
# So many pictures of an episode the picture of results shows; a film has so many a second, at most.
SHOWN = 12
FRAMES_PER_SECOND = 15


class Play(Task):
    """Playing an environment, so as to get high returns. A subclass says how it is learned.

    An epoch is a number of steps, whose numbers are what the main iterator goes over.

    Attributes:
        environments: Those that are played side by side to learn.
        unseen: Why there are no pictures of the environment; empty if there are.
    """

    learning_rates = {'sgd': 0.01, 'momentum': 0.001, 'nesterov': 0.001, 'adagrad': 0.01, 'rmsprop': 0.0005,
                      'adam': 0.001, 'adamw': 0.001}
    unit = 'steps'
    fixed: ClassVar[Sequence[str]] = ('dataset', 'environments', 'steps', 'epoch_steps')
    columns = ('main/loss', 'main/return', 'validation/main/return')
    monitor = 'validation/main/return'
    larger_is_better = True
    needs_files = False

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        # Programs know what is trained with as the data set, whatever the option is called.
        parser.add_argument('--environment', dest='dataset', metavar='NAME', default='cartpole',
                            help=f'what is played: {" or ".join(EMBEDDED)}; or an id of Gymnasium, such as '
                                 'Acrobot-v1')
        parser.add_argument('--environments', type=int, metavar='N', help='how many are played side by side')
        parser.add_argument('--steps', type=int, metavar='N', help='steps in each between updates')
        parser.add_argument('--epoch-steps', type=int, metavar='N', help='steps of an epoch, in all of them together')
        parser.add_argument('--batch-size', type=int, help='steps in a minibatch')
        parser.add_argument('--gamma', type=float, help='what a reward is worth that comes a step later')
        parser.add_argument('--evaluation-episodes', type=int, metavar='N', default=50,
                            help='episodes that are played after each epoch, without exploration')

    def check(self) -> None:
        options = self.options
        if self.processes.size > 1:
            raise ValueError(f'--processes: {options.model} learns in one process, with several environments side by '
                             f'side (--environments); expected 1, got {self.processes.size}')
        if options.amp:
            raise ValueError(f'--amp: the networks that play are too small to gain by it; expected no --amp for '
                             f'{options.model}')
        check_at_least(options, environments=1, steps=1, evaluation_episodes=1)
        check_at_least(options, epoch_steps=options.environments * options.steps)
        self.check_range('gamma')

    def check_range(self, name: str) -> None:
        """Requires an option to be from 0 to 1.

        Args:
            name: Its name.

        Raises:
            ValueError: It is not.
        """
        value = getattr(self.options, name)
        if not 0 <= value <= 1:
            raise ValueError(f'--{name.replace("_", "-")}: expected a number from 0 to 1, got {value}')

    def load_data(self) -> None:
        self.environments = [self.make_environment() for _ in range(self.options.environments)]
        self.others = [self.make_environment() for _ in range(SIDE_BY_SIDE)]
        self.batch_size = self.total_batch_size
        self.about = about(self.environments[0])
        self.others[0].reset(seed=0)
        try:
            self.others[0].render()
            self.unseen = ''
        except RuntimeError as error:
            self.unseen = str(error)

    def make_environment(self) -> Environment:
        """Makes an environment as --environment asks for it."""
        return find_environment(self.options.dataset, '--environment: ')

    def build(self) -> None:
        autograd_nn.random.seed(self.options.seed)
        self.network = self.entry.build(**self.about)
        self.model = self.make_model()

    def make_model(self) -> Any:
        """Makes the network's loss, a link whose `predictor` the network is."""
        raise NotImplementedError

    def announce(self) -> None:
        shape = ' x '.join(map(str, self.about['observation_shape']))
        print(f'{self.options.model} on {self.options.dataset}: observations of {shape} numbers, '
              f'{self.about["n_actions"]} actions; {self.network.count_params():,} parameters')
        if self.unseen:
            print(f'no {RESULTS_PICTURE} and no {EPISODE}: {self.unseen}')

    @property
    def steps_per_update(self) -> int:
        """How many steps there are between updates, in all environments together."""
        return self.options.environments * self.options.steps

    def make_updater(self, optimizers: dict[str, Any]) -> PlayUpdater:
        iterator = iterators.SerialIterator(range(self.options.epoch_steps), self.steps_per_update, shuffle=False)
        return self.make_play_updater(iterator, optimizers['main'], Players(self.environments))

    def make_play_updater(self, iterator: Any, optimizer: Any, players: Players) -> PlayUpdater:
        """Makes what plays and learns.

        Args:
            iterator: Counts the steps.
            optimizer: The optimizer.
            players: The environments.
        """
        raise NotImplementedError

    def make_evaluator(self) -> extensions.Evaluator:
        return ReturnEvaluator(self)

    def find_returns(self, count: int, seed: int) -> list[float]:
        """The returns of episodes in which the network does what seems best.

        Args:
            count: How many episodes.
            seed: That of the first one.
        """
        return play_episodes(self.others, self.network.act, range(seed, seed + count))

    @property
    def speed(self) -> Speed:
        return Speed('steps/s', self.steps_per_update)

    def describe_speed(self, iterations: int, seconds: float) -> str:
        return f'{iterations * self.steps_per_update / seconds:,.0f} steps a second'

    def extend(self, trainer: Trainer) -> None:
        if not self.unseen:
            trainer.extend(EpisodePicture(self))
        if extensions.PlotReport.available():
            trainer.extend(extensions.PlotReport(['main/return', 'validation/main/return'], 'epoch',
                                                 filename='metric.png'), name='plot_metric')

    def save_results(self, out: Path) -> dict[str, str]:
        load_npz(out / BEST, self.network)
        returns = self.find_returns(TEST_EPISODES, TEST)
        print(f'\nbest weights: {describe(returns)}')
        if not self.unseen:
            film, _ = record(self.others[0], self.network, TEST)
            with atomic_write(out / EPISODE) as file:
                film.save(file)
        save_quickly(out / MODEL, self.network)  # last: then the run is complete
        return {MODEL: 'those of best.npz, for autograd-nn predict', 'loss.png': 'curves',
                'metric.png': 'curves of returns',
                RESULTS_PICTURE: 'pictures of an episode', EPISODE: 'an episode'}

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        name = config['arguments']['dataset']
        environment = find_environment(name)
        network = load_player(Member(entry, config, weights), environment, device)

        def predict(path: str) -> Answer:
            if path:
                raise ValueError(f'{path}: a network that plays takes no files; expected the weights alone')
            seed = int(np.random.default_rng().integers(2 ** 31))
            environment.reset(seed=seed)
            try:
                environment.render()
            except RuntimeError as error:
                total, = play_episodes([environment], network.act, [seed])
                return Answer(f'{name}: an episode with the return {total:g}; {error}')
            film, total = record(environment, network, seed)
            return Answer(f'{name}: an episode with the return {total:g}', {'episode': film})

        return predict

    @classmethod
    def evaluate(cls, members: Sequence[Member], device: Device) -> list[str]:
        """What returns networks come to, each in its environment, in the episodes that end a run."""
        lines = []
        for member in members:
            name = member.config['arguments']['dataset']
            environments = [find_environment(name) for _ in range(SIDE_BY_SIDE)]
            network = load_player(member, environments[0], device)
            returns = play_episodes(environments, network.act, range(TEST, TEST + TEST_EPISODES))
            lines.append(f'{member.weights}: {name}, {describe(returns)}')
        return lines


class QLearning(Play):
    """Playing by what actions are worth, which is learned from what was played before."""

    fixed = (*Play.fixed, 'replay_size', 'prioritized')

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--minibatches', type=int, metavar='N', help='how many an update learns from')
        parser.add_argument('--double', action='store_true',
                            help='double Q-learning: the network chooses the next action, the target values it')
        parser.add_argument('--prioritized', action='store_true',
                            help='draw transitions the more often the larger their error was')
        parser.add_argument('--replay-size', type=int, metavar='N', help='how many steps are remembered')
        parser.add_argument('--replay-start', type=int, metavar='N', help='how many there are before it learns')
        parser.add_argument('--target-interval', type=int, metavar='N',
                            help='after how many minibatches the network that says what is to come is renewed')
        parser.add_argument('--epsilon', type=float, help='part of the actions that are left to chance in the end')
        parser.add_argument('--exploration-steps', type=int, metavar='N',
                            help='over how many steps this part falls from 1 to --epsilon')
        parser.set_defaults(environments=8, steps=32, epoch_steps=2048, gamma=0.99, minibatches=128,
                            replay_size=50_000, replay_start=1000, target_interval=128, epsilon=0.04,
                            exploration_steps=8000)

    def check(self) -> None:
        super().check()
        options = self.options
        check_at_least(options, minibatches=1, replay_start=1, target_interval=1, exploration_steps=0)
        # An episode has at least one step, and one observation more than steps.
        check_at_least(options, replay_size=max(3 * options.environments, 2 * options.replay_start))
        self.check_range('epsilon')

    def make_model(self) -> Any:
        return QLearningLoss(self.network)

    def make_play_updater(self, iterator: Any, optimizer: Any, players: Players) -> PlayUpdater:
        options = self.options
        if options.prioritized:
            steps = (options.epochs or self.entry.recipe.epochs) * options.epoch_steps
            betasteps = steps // self.steps_per_update * options.minibatches
            replay_buffer: ReplayBuffer = PrioritizedReplayBuffer(options.replay_size, betasteps=betasteps)
        else:
            replay_buffer = ReplayBuffer(options.replay_size)
        explorer = LinearDecayEpsilonGreedy(1., options.epsilon, options.exploration_steps, self.about['n_actions'])
        return QLearningUpdater(iterator, optimizer, players, self.device, replay_buffer, explorer, options.gamma,
                                options.double, options.batch_size, options.replay_start, options.minibatches,
                                options.target_interval)


class PolicyOptimization(Play):
    """Playing by probabilities of actions, which are changed a little after some steps: PPO."""

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--passes', type=int, metavar='N', help='how often an update goes over its steps')
        parser.add_argument('--clip-eps', type=float,
                            help='how far probabilities may go from those with which was played, as a part of these')
        parser.add_argument('--gae-lambda', type=float, help='how far ahead advantages look, from 0 to 1')
        parser.add_argument('--value-coef', type=float, help="how much the values' errors count in the loss")
        parser.add_argument('--entropy-coef', type=float, help='how much it counts that actions are left to chance')
        parser.set_defaults(environments=8, steps=32, epoch_steps=4096, gamma=0.98, passes=10, clip_eps=0.2,
                            gae_lambda=0.8, value_coef=0.5, entropy_coef=0.)

    def check(self) -> None:
        super().check()
        options = self.options
        check_at_least(options, passes=1, value_coef=0, entropy_coef=0)
        self.check_range('gae_lambda')
        self.check_range('clip_eps')

    def make_model(self) -> Any:
        options = self.options
        return PPOLoss(self.network, options.clip_eps, options.value_coef, options.entropy_coef)

    def make_play_updater(self, iterator: Any, optimizer: Any, players: Players) -> PlayUpdater:
        options = self.options
        return PPOUpdater(iterator, optimizer, players, self.device, options.gamma, options.gae_lambda,
                          options.batch_size, options.passes)


class ReturnEvaluator(extensions.Evaluator):
    """Plays some episodes, always with the same seeds, and reports the mean of their returns.

    Args:
        task: The task.
    """

    def __init__(self, task: Play) -> None:
        super().__init__({}, task.model)
        self.task = task

    def evaluate(self) -> dict[str, float]:
        returns = self.task.find_returns(self.task.options.evaluation_episodes, VALIDATION)
        prefix = '' if self.name is None else f'{self.name}/'
        return {f'{prefix}main/return': float(np.mean(returns))}


class EpisodePicture(Extension):
    """Draws, after each epoch, pictures of an episode, always with the same seed.

    Args:
        task: The task.
    """

    trigger = (1, 'epoch')

    def __init__(self, task: Play) -> None:
        self.task = task

    def __call__(self, trainer: Trainer) -> None:
        with atomic_write(Path(trainer.out) / RESULTS_PICTURE) as file:
            draw_episode(self.task.others[0], self.task.network, VALIDATION).save(file, 'PNG')


def about(environment: Environment) -> dict[str, Any]:
    """What a network needs to know of an environment, as JSON has it."""
    return {'observation_shape': list(environment.observation_shape), 'n_actions': environment.n_actions}


def describe(returns: Sequence[float]) -> str:
    """Returns of episodes in words."""
    return (f'return {np.mean(returns):.2f} on average over {len(returns)} episodes, {min(returns):g} at least, '
            f'{max(returns):g} at most')


def load_player(member: Member, environment: Environment, device: Device) -> Any:
    """The network of a run.

    Args:
        member: The run's weights.
        environment: What is to be played.
        device: Where to compute.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or was trained with what is shown or done otherwise than in the environment.
    """
    here = about(environment)
    others = [f'{name} {member.config[name]}, here {value}' for name, value in here.items()
              if member.config[name] != value]
    if others:
        raise ValueError(f'{member.weights} was trained with another {member.config["arguments"]["dataset"]}: '
                         + ', '.join(others))
    network: Any = member.entry.build(**here)
    load_weights(member.weights, network)
    return network.to_device(device)


def find_environment(name: str, label: str = '') -> Environment:
    """Makes an environment (see `make_environment`).

    Args:
        name: Its name.
        label: What errors begin with.
    """
    try:
        return make_environment(name)
    except (ImportError, ValueError) as error:
        raise type(error)(f'{label}{error}') from None


def draw_episode(environment: Environment, network: Any, seed: int) -> Image.Image:
    """Pictures of an episode, from its beginning to its end, with the number of the step and the return so far."""
    length = sum(1 for _ in watch_episode(environment, network.act, seed))
    wanted = set(np.linspace(0, length - 1, SHOWN).round().astype(int).tolist())
    pictures = []
    for step, total in enumerate(watch_episode(environment, network.act, seed)):
        if step in wanted:
            picture = environment.render().convert('RGB')
            whole = Image.new('RGB', (picture.width, picture.height + 20), 'white')
            whole.paste(picture, (0, 20))
            text = f'step {step}, return {total:g}'
            ImageDraw.Draw(whole).text((2, 2), text, fill='black', font=load_font(text, 13))
            pictures.append(whole)
    return sheet(pictures, columns=6 if pictures[0].width < 250 else 3)


def record(environment: Environment, network: Any, seed: int) -> tuple[Animation, float]:
    """Plays an episode, and films it.

    Args:
        environment: The environment.
        network: What plays.
        seed: What the episode begins with.

    Returns:
        The film, and the return.
    """
    every = max(1, round(environment.steps_per_second / FRAMES_PER_SECOND))
    frames: list[Image.Image] = []
    returns: list[float] = []
    for total in watch_episode(environment, network.act, seed):
        if len(returns) % every == 0:
            frames.append(environment.render())
        returns.append(total)
    if (len(returns) - 1) % every:
        frames.append(environment.render())  # the end
    return Animation(frames, round(1000 * every / environment.steps_per_second)), returns[-1]
