"""Sentences whose words have tags: made up by a grammar, and from files."""
from __future__ import annotations

import numpy as np

from autograd_nn.datasets.text import read_text
from autograd_nn.types import PathLike

TAGS = ['ADJ', 'ADV', 'AUX', 'CONJ', 'DET', 'NOUN', 'PART', 'PREP', 'PRON', 'PUNCT', 'VERB']

Sentence = tuple[list[str], list[str]]

# Many of these words are in more than one row: what they are depends on their neighbours.
_WORDS = {tag: words.split() for tag, words in {
    'DET': 'the a this that every her his some',
    'ADJ': 'old young light cold patient clean dry open warm empty fast hard early late flat fair kind mean sound '
           'square back right last present fine calm slow green novel round male',
    'NOUN': 'man dog fish watch play light walk cook dance plant water book show run cold patient clerk well ring box '
            'park train boat sail hand nail rock bank bear duck fly saw match rose spring lead ship point report cover '
            'place house face fire land hammer mail iron kind mean sound square back right novel round present drink '
            'talk step turn wave dream guard guide bark cut hope plan can will might must',
    'VERB': 'fish watch play light walk cook dance plant water book show run clean dry open warm empty ring box park '
            'train sail hand nail rock bank bear duck fly match lead ship point report cover place house face fire '
            'land hammer mail iron mean sound square back present drink talk step turn wave dream guard guide bark cut '
            'hope plan last calm slow round',
    'ADV': 'fast hard early late well back right often soon never flat fine round last',
    'PREP': 'in on by with near past over round down up under for',
    'PRON': 'they we you i her that this some',
    'AUX': 'can will must may might could',
    'CONJ': 'and or but',
    'PART': 'to not',
    'PUNCT': '. !',
}.items()}


def make_tagged_sentences(length: int, seed: int = 0) -> list[Sentence]:
    """Makes up sentences of English words that are hard to tag word by word.

    Most nouns are verbs, too ("they fish", "the fish"), and many adjectives are either; which they are is to be seen
    from what stands beside them: behind a determiner there is no verb, behind an auxiliary no noun. Some sentences can
    be read in several ways, so that nobody tags all of them right.

    Args:
        length: How many.
        seed: Chooses them; not negative.

    Returns:
        Pairs of a list of words and a list of as many of `TAGS`.

    Example:
        >>> from autograd_nn.datasets import make_tagged_sentences
        >>> for words, tags in make_tagged_sentences(2):
        ...     print(' '.join([f'{word}/{tag}' for word, tag in zip(words, tags)]))
        the/DET guard/NOUN present/VERB every/DET fine/ADJ book/NOUN in/PREP that/DET must/NOUN ./PUNCT
        a/DET wave/NOUN match/VERB fair/ADJ present/ADJ dance/NOUN by/PREP you/PRON in/PREP the/DET book/NOUN but/CONJ
        right/ADV cut/VERB this/DET must/NOUN ./PUNCT
    """
    rng = np.random.default_rng(seed)
    return [_sentence(rng) for _ in range(length)]


def get_tagged_sentences() -> tuple[list[Sentence], list[Sentence], list[str]]:
    """Sentences to train with and to test with, 500 each (see `make_tagged_sentences`), and the names of the tags.

    Example:
        >>> from autograd_nn.datasets import get_tagged_sentences
        >>> train, test, tags = get_tagged_sentences()
        >>> len(train), len(test), len(tags)
        (500, 500, 11)
    """
    sentences = make_tagged_sentences(1000)
    return sentences[:500], sentences[500:], TAGS


def _sentence(rng: np.random.Generator) -> Sentence:
    words: list[str] = []
    tags: list[str] = []

    def say(tag: str, word: str = '') -> None:
        choice = _WORDS[tag]
        # Some words are much more frequent than others, as in any language.
        words.append(word or choice[int(len(choice) * rng.random() ** 1.5)])
        tags.append(tag)

    def thing(depth: int = 0) -> None:
        if rng.random() < 0.25:
            say('PRON')
            return
        if rng.random() < 0.75:
            say('DET')
        while rng.random() < 0.35:
            say('ADJ')
        say('NOUN')
        if rng.random() < 0.2:  # a compound, such as "fire guard"
            say('NOUN')
        if depth < 1 and rng.random() < 0.2:
            say('PREP')
            thing(depth + 1)

    def action() -> None:
        if rng.random() < 0.35:
            say('AUX')
            if rng.random() < 0.3:
                say('PART', 'not')
        if rng.random() < 0.2:
            say('ADV')
        say('VERB')
        kind = rng.random()
        if kind < 0.55:
            thing()
        elif kind < 0.7:
            say('PART', 'to')
            say('VERB')
            thing()
        if rng.random() < 0.3:
            say('ADV')
        if rng.random() < 0.3:
            say('PREP')
            thing(1)

    if rng.random() < 0.85:
        thing()
    action()
    if rng.random() < 0.25:
        say('CONJ')
        action()
    say('PUNCT')
    return words, tags


def read_tagged_sentences(path: PathLike) -> list[Sentence]:
    """Reads sentences whose words have tags, as those of CoNLL have: in each line a word and its tag.

    Args:
        path: A file in UTF-8. Between word and tag is a tab or other white space; an empty line ends a sentence.

    Returns:
        Pairs of a list of words and a list of as many tags.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not UTF-8, is empty, or a line is none of a word and a tag; the message names the line.
    """
    sentences: list[Sentence] = [([], [])]
    for number, line in enumerate(read_text(path).split('\n'), 1):
        columns = line.split('\t') if '\t' in line else line.split()
        if not line.strip():
            if sentences[-1][0]:
                sentences.append(([], []))
        elif len(columns) != 2 or not all(column.strip() for column in columns):
            raise ValueError(f'{path}, line {number}: expected a word, a tab and its tag, got {len(columns)} '
                             f'columns: {line[:60]!r}')
        else:
            for column, each in zip(columns, sentences[-1]):
                each.append(column.strip())
    found = [sentence for sentence in sentences if sentence[0]]
    if not found:
        raise ValueError(f'{path}: expected lines with a word and its tag, it is empty')
    return found
