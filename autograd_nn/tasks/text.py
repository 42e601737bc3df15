"""Models of text: what comes next."""
from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import autograd_nn
import autograd_nn.links as L
from autograd_nn import datasets, iterators, models, training
from autograd_nn.backend import Device, to_cpu
from autograd_nn.datasets import Vocabulary
from autograd_nn.tasks.language_model import continue_text
from autograd_nn.tasks.options import add_dataset_argument, check_at_least, find_vocabulary
from autograd_nn.tasks.task import Predictor, Task
from autograd_nn.training import extensions
from autograd_nn.training.processes import Processes
from autograd_nn.training.run_folder import MODEL, VOCABULARY, Progress, save_quickly
from autograd_nn.training.standard_trainer import Speed

# What makes a small network learn a short text, where the options leave it open, and the usual sizes.
SHORT = {'level': 'char', 'units': 256, 'layers': 1, 'epochs': 60}
USUAL = {'level': 'word', 'units': 650, 'layers': 2}


class LanguageModelling(Task):
    """Saying how a text goes on.

    Attributes:
        vocabulary: The words or characters that the model knows.
        train_data: The numbers of those that it is trained on.
        test: Those that are held out.
        evaluator: Measures the loss on the text that is held out.
    """

    embedded: ClassVar[dict[str, Callable[[], str]]] = {
        'short_texts': datasets.get_short_texts, 'short_texts_ja': partial(datasets.get_short_texts, 'ja')}
    # With the gradient clipped, a large rate is safe for plain gradient descent.
    learning_rates = {'sgd': 20., 'momentum': 2., 'nesterov': 2., 'adagrad': 0.05, 'rmsprop': 0.001, 'adam': 0.002,
                      'adamw': 0.002}
    unit = 'streams'
    fixed = ('level', 'vocabulary_size', 'units', 'layers')
    columns = ('main/loss', 'validation/main/loss', 'main/perplexity', 'validation/main/perplexity')

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        add_dataset_argument(parser, cls.embedded, 'NAME|FILE', 'a text file in UTF-8; the last tenth is held out')
        parser.add_argument('--level', choices=('word', 'char'),
                            help='read word by word or character by character (default: word; char for short texts)')
        parser.add_argument('--vocabulary-size', type=int, help='how many words or characters to know at most')
        parser.add_argument('--batch-size', type=int, help='streams of text that are read side by side')
        parser.add_argument('--steps', type=int, help='words or characters of each stream in a minibatch: how far '
                                                      'gradients go back')
        parser.add_argument('--units', type=int, help='size of the layers (default: 650; 256 for short texts)')
        parser.add_argument('--layers', type=int, help='number of recurrent layers (default: 2; 1 for short texts)')
        parser.add_argument('--dropout', type=float, help='ratio of the dropout between layers')
        parser.add_argument('--sample', type=int, help='words or characters of text to make up at the end')
        parser.set_defaults(dataset=next(iter(cls.embedded)), vocabulary_size=10_000, steps=35, dropout=0.5, sample=100)

    def check(self) -> None:
        options = self.options
        for name, value in (SHORT if options.dataset in self.embedded else USUAL).items():
            if getattr(options, name) is None:
                setattr(options, name, value)
        check_at_least(options, vocabulary_size=2, steps=1, units=1, layers=1, dropout=0, sample=0)
        if options.dropout >= 1:
            raise ValueError(f'--dropout: expected less than 1, got {options.dropout}')

    def fixed_options(self, saved: dict[str, Any], progress: Progress) -> Sequence[str]:
        # Streams of the text have been read up to somewhere.
        return (*(('batch_size', 'steps') if progress.position else ()), *self.fixed)

    def load_data(self) -> None:
        options = self.options
        self.batch_size = self.total_batch_size
        self.processes.divide(self.batch_size)
        name = options.dataset
        texts = split(self.embedded[name]() if name in self.embedded else datasets.read_text(name))
        self.vocabulary = self.choose_vocabulary(texts[0])
        self.train_data, self.test = (self.vocabulary.encode(text) for text in texts)
        least, held_out = self.batch_size * options.steps + 1, self.processes.size + 1
        if len(self.train_data) < least or len(self.test) < held_out:
            raise ValueError(f'{options.dataset} is too short: expected at least {least} {options.level}s to train '
                             f'on, and {held_out} held out, found {len(self.train_data)} and {len(self.test)}; a '
                             'smaller --batch-size or --steps takes less')
        self.about = {'tokens': [len(self.train_data), len(self.test)],
                      'characters': zlib.crc32(''.join(texts).encode())}

    def build(self) -> None:
        options = self.options
        autograd_nn.random.seed(options.seed)
        network: Any = self.entry.build(vocabulary_size=len(self.vocabulary), units=options.units,
                                        layers=options.layers, dropout=options.dropout)
        self.network = network
        self.model = L.Classifier(network, network.lossfun)
        self.model.compute_accuracy = False

    def announce(self) -> None:
        options = self.options
        print(f'{options.model} on {options.dataset}: {len(self.train_data):,} {options.level}s to train on, '
              f'{len(self.test):,} held out, a vocabulary of {len(self.vocabulary):,}; '
              f'{self.network.count_params():,} parameters')

    def write_more(self, out: Path) -> None:
        self.vocabulary.save(out / VOCABULARY)

    def choose_vocabulary(self, text: str) -> Vocabulary:
        """The vocabulary of the training text, or the one that belongs to the weights that the run starts from."""
        options = self.options
        found = Vocabulary.of_text(text, options.level, options.vocabulary_size)
        path = find_vocabulary(options)
        if path is None:
            return found
        known = Vocabulary.load(path)
        if known.level != options.level:
            raise ValueError(f'--level: {path.parent} has a vocabulary of {known.level}s, got {options.level}')
        if options.resume and not options.initial_weights and known.tokens != found.tokens:
            raise ValueError(f'--resume: {options.dataset} is not the text that the run in {path.parent} began with')
        return known

    def make_updater(self, optimizers: dict[str, Any]) -> training.StandardUpdater:
        options = self.options
        streams = self.own_streams(self.batch_size, self.train_data, options.steps)
        iterator = iterators.SerialIterator(streams, options.steps, shuffle=False)
        optimizer = optimizers['main']
        self.updater = TruncatedBPTTUpdater(iterator, optimizer, self.network, self.device, self.processes,
                                            self.processes.make_loss(self.model, optimizer, options.seed))
        return self.updater

    def own_streams(self, count: int, tokens: np.ndarray, steps: int = 1) -> Any:
        """Those of the streams of a text that this process reads.

        Args:
            count: How many there are.
            tokens: The text.
            steps: How many steps of them a minibatch has.
        """
        part = self.processes.part(count)
        streams = datasets.parallel_streams(tokens, count, steps)
        return datasets.TupleDataset(*[columns[:, part] for columns in streams[np.arange(len(streams))]])

    def make_evaluator(self) -> extensions.Evaluator:
        steps = self.options.steps
        # A short text makes few streams of the usual length rather than many short ones.
        n_streams = max(self.processes.size, min(self.batch_size, len(self.test) // steps))
        part = self.processes.part(n_streams)
        iterator = iterators.SerialIterator(self.own_streams(n_streams, self.test), steps, repeat=False, shuffle=False)
        self.evaluator = extensions.Evaluator(iterator, self.model, device=self.device,
                                              summary=partial(self.processes.make_summary, part.stop - part.start),
                                              eval_hook=lambda evaluator: self.network.reset_state())
        return self.evaluator

    @property
    def speed(self) -> Speed:
        return Speed(f'{self.options.level}s/s', self.batch_size * self.options.steps)

    def postprocess(self, entry: dict[str, Any]) -> None:
        """Adds the exponentials of the losses."""
        for prefix in 'main', 'validation/main':
            if f'{prefix}/loss' in entry:
                entry[f'{prefix}/perplexity'] = math.exp(min(entry[f'{prefix}/loss'], 700))

    def prepare_snapshot(self) -> None:
        self.updater.collect_state()

    def describe_speed(self, iterations: int, seconds: float) -> str:
        tokens = iterations * self.batch_size * self.options.steps
        return f'{tokens / seconds:,.0f} {self.options.level}s a second'

    def save_results(self, out: Path) -> dict[str, str]:
        perplexity = math.exp(self.evaluator()['validation/main/loss'])
        if not self.processes.is_first:
            return {}
        print(f'\nperplexity on the text held out: {perplexity:.2f}')
        save_quickly(out / MODEL, self.network)
        if self.options.sample:
            text = continue_text(self.network, self.vocabulary, '', self.options.sample)
            print(f'\nmade up (autograd-nn generate {out} makes up more):\n{text}\n')
        return {MODEL: 'weights, for autograd-nn generate and --initial-weights',
                VOCABULARY: 'the words or characters of the weights', 'loss.png': 'curves'}

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        raise ValueError(f'{weights} has the weights of no classifier of pictures, but of a model of text: autograd-nn '
                         f'generate {weights.parent} makes up more of it')


class TruncatedBPTTUpdater(training.StandardUpdater):
    """Reads each epoch from its beginning, and carries the network's state, but no gradient, from batch to batch.

    Args:
        iterator: The iterator of the streams.
        optimizer: The optimizer.
        network: The network that keeps the state.
        device: The device.
        processes: Those that train together, each with streams of its own.
        loss_func: Computes the loss; by default the model.
    """

    def __init__(self, iterator: Any, optimizer: Any, network: Any, device: Any, processes: Processes,
                 loss_func: Callable[..., Any] | None = None) -> None:
        super().__init__(iterator, optimizer, device=device, loss_func=loss_func)
        self.network = network
        self.processes = processes
        self._collected: tuple[int, Any] | None = None

    def update_core(self) -> None:
        if self.epoch_detail == self.epoch:
            self.network.reset_state()
        super().update_core()
        self.network.unchain_state()

    def collect_state(self) -> None:
        """Brings the network's states of all streams together in the first process, which saves them."""
        states = [None if state is None else to_cpu(state.array) for state in (self.network.c, self.network.h)]
        parts = self.processes.collect(states)
        self._collected = self.iteration, parts

    def serialize(self, serializer: Any) -> None:
        super().serialize(serializer)
        states = [serializer(name, state) for name, state in zip('ch', self._all_streams())]
        if all(state is not None for state in states):
            part = self.processes.part(states[0].shape[1])
            self.network.set_state(*[state[:, part] for state in states])

    def _all_streams(self) -> list[Any]:
        """The states of all streams after this iteration, as far as they are known here."""
        if self.processes.size == 1:
            self.collect_state()
        iteration, parts = self._collected or (None, None)
        if iteration != self.iteration or not parts or any(state is None for states in parts for state in states):
            return [None, None]
        return [np.concatenate(states, axis=1) for states in zip(*parts)]


def split(text: str) -> tuple[str, str]:
    """The first nine tenths of a text and the rest, cut at the end of a line if there is one."""
    middle = len(text) * 9 // 10
    middle = text.find('\n', middle, -1) + 1 or middle
    return text[:middle], text[middle:]
