"""Tasks: what networks of the zoo are trained on, measured by and used for; a row here makes one known everywhere."""
from __future__ import annotations

import importlib

from autograd_nn.tasks.sample_task import SampleTask
from autograd_nn.tasks.task import Answer, Member, Predictor, Task

__all__ = ['Answer', 'Member', 'Predictor', 'SampleTask', 'Task', 'get', 'names']

# By the name that entries of the registry have: module and class, imported when they are used.
_TASKS = {
    'adversarial_generation': 'generation.AdversarialGeneration',
    'autoencoding': 'autoencoding.Autoencoding',
    'captions': 'captions.Captioning',
    'detection': 'detection.Detection',
    'generation': 'generation.Generation',
    'images': 'classification.Classification',
    'picture_translation': 'picture_translation.PictureTranslation',
    'ppo': 'play.PolicyOptimization',
    'q_learning': 'play.QLearning',
    'representation': 'representation.Representation',
    'segmentation': 'segmentation.Segmentation',
    'tagging': 'tagging.Tagging',
    'text': 'text.LanguageModelling',
    'text_classification': 'text_classification.TextClassification',
    'transcription': 'transcription.Transcription',
    'translation': 'translation.Translation',
    'word_vectors': 'word_vectors.WordVectorLearning',
}


def names() -> list[str]:
    """The names of all tasks, as `models.Entry.task` has them.

    Example:
        >>> from autograd_nn import tasks
        >>> 'images' in tasks.names()
        True
    """
    return list(_TASKS)


def get(name: str) -> type[Task]:
    """The class of a task.

    Args:
        name: Its name.

    Raises:
        ValueError: There is no task of that name; the message lists those there are.

    Example:
        >>> from autograd_nn import tasks
        >>> tasks.get('images').unit
        'samples'
    """
    if name not in _TASKS:
        raise ValueError(f'task: there is no {name!r}; expected one of {", ".join(_TASKS)}')
    module, _, cls = _TASKS[name].partition('.')
    return getattr(importlib.import_module(f'{__name__}.{module}'), cls)
