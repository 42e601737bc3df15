"""How the models of the zoo are trained where nothing else is asked for."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How a model is trained where nothing else is asked for: what makes it learn.

    The options of ``scripts/train.py`` have the same names and meaning.

    Attributes:
        optimizer: How parameters are updated, such as ``'adam'`` or ``'momentum'``.
        lr: The highest learning rate.
        betas: How long Adam remembers gradients and their squares; None for the optimizer's usual values.
        schedule: How the rate falls from there: ``'cosine'``, ``'linear'``, ``'step'``, or ``'constant'``.
        warmup: Over how many epochs the rate rises to the highest at the start.
        clip: The largest norm of the gradient, which is scaled down to it; 0 for any.
        weight_decay: How strongly weights are pulled toward zero.
        label_smoothing: How much of each label is spread evenly over all classes.
        epochs: The number of passes over the training data.
        batch_size: The number of samples in a minibatch.
        augment: Whether to vary training pictures at random; None where there are few.

    Example:
        >>> from autograd_nn import models
        >>> models.get('resnet50').recipe.lr
        0.001
        >>> models.Recipe(lr=0.01).schedule
        'cosine'
    """

    optimizer: str = 'adam'
    lr: float = 0.001
    betas: tuple[float, float] | None = None
    schedule: str = 'cosine'
    warmup: float = 0.0
    clip: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    epochs: int = 5
    batch_size: int = 64
    augment: bool | None = None


USUAL = Recipe()
"""What does for most networks of a few layers."""

SMALL = Recipe(lr=0.003)
"""The small networks of the zoo for digits."""

PLAIN = Recipe(lr=0.0003, warmup=0.1, clip=1.0, batch_size=8)
"""Deep networks without normalization, or with large layers behind it: larger first steps would make losses jump, and
leave rectified units at 0 for good."""

NORMALIZED = Recipe(lr=0.001, warmup=0.1, batch_size=8)
"""Deep networks with normalization."""

CIFAR = Recipe(lr=0.001, warmup=0.1, batch_size=32)
"""Deep networks with normalization for small images."""
