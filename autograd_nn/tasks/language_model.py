"""A language model that was trained here: loading it, and having it continue a text."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from autograd_nn import models
from autograd_nn.datasets import Vocabulary
from autograd_nn.training.run_folder import MODEL, SNAPSHOT, VOCABULARY, load_weights, read_config


def load_run(folder: Path, device: Any = 'cpu') -> tuple[Any, Vocabulary]:
    """Loads the network and the vocabulary of a run, as they were at its end or, if it has not ended, at its snapshot.

    Args:
        folder: The run's folder.
        device: Where the network is to compute.

    Raises:
        OSError: A file cannot be read.
        ValueError: The folder has no run of a language model, or is damaged.
    """
    if not folder.is_dir():
        raise ValueError(f'{folder}: there is no such folder; expected the one that the training wrote')
    config = read_config(folder)
    try:
        options = config['arguments']
        name = options['model']
        if models.get(name).task != 'text':
            raise ValueError(f'{folder} is a run of {name}, which is no language model; autograd-nn predict is for '
                             'those of pictures')
        sizes = {'units': options['units'], 'layers': options['layers'], 'dropout': options['dropout']}
    except (KeyError, TypeError) as error:
        raise ValueError(f'{folder / "config.json"} is damaged: {error}') from None
    weights = next((folder / file for file in (MODEL, SNAPSHOT) if (folder / file).exists()), None)
    if weights is None:
        raise ValueError(f'{folder} has no weights yet: its first epoch has not ended')
    vocabulary = Vocabulary.load(folder / VOCABULARY)
    network: Any = models.create(name, vocabulary_size=len(vocabulary), **sizes)
    load_weights(weights, network)
    return network.to_device(device), vocabulary


def continue_text(network: Any, vocabulary: Vocabulary, start: str, length: int, temperature: float = 1.0,
                  top_k: int | None = None) -> str:
    """What a language model adds to a text.

    Args:
        network: The model.
        vocabulary: Its vocabulary.
        start: The text; nothing stands for the beginning of a line or, if there are no lines, of a text.
        length: How many words or characters to add.
        temperature: See `models.LSTMLanguageModel.generate`.
        top_k: See there.

    Returns:
        What is added, with the space before it that words need.
    """
    tokens: Any = vocabulary.encode(start)
    if not len(tokens):
        tokens = vocabulary.encode('\n')
        tokens = tokens if tokens[0] else [1]
    text = vocabulary.decode(network.generate(tokens, length, temperature, exclude=[0], top_k=top_k))
    follows = vocabulary.level == 'word' and start and not start[-1].isspace() and text and text[0] != '\n'
    return f' {text}' if follows else text


def unknown_tokens(vocabulary: Vocabulary, text: str) -> list[str]:
    """The words or characters of a text that a vocabulary lacks."""
    tokens = text.split() if vocabulary.level == 'word' else text.replace('\n', '')
    return [token for token in dict.fromkeys(tokens) if token not in vocabulary.tokens]
