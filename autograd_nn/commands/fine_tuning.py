"""Starting from the weights of another network, whose layers can be kept as they are."""
from __future__ import annotations

from pathlib import Path

from autograd_nn import Link
from autograd_nn.commands.command_line import about
from autograd_nn.tasks.network_input import load_fitting_weights

# As many default boxes has a place of a feature map.
MOST_GROUPS = 6


def load_initial_weights(path: str | Path, network: Link, outputs: int | None = None,
                         name: str | None = None) -> set[str]:
    """Loads weights of a network that may have another number of outputs, and says what was loaded and what not.

    The arrays of the classifier stay fresh where their shapes differ: it is replaced (see `find_classifier`).

    Args:
        path: The weights of a run; or published ones (see `models.load_published`), if the network has a name.
        network: The network to fill, whose shapes are settled.
        outputs: The number of its outputs; None if they may not differ.
        name: Its name in the zoo.

    Returns:
        The names of the arrays that were not loaded.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or holds the weights of another network.
    """
    with about('--initial-weights'):
        report = load_fitting_weights(path, network, name)
    sizes = {name: param.size for name, param in network.namedparams()}
    replaced = find_classifier(report.other_shape, outputs) if outputs else set()
    loaded = sum(size for name, size in sizes.items() if name[1:] in report.loaded)
    if 2 * loaded < sum(size for name, size in sizes.items() if name[1:] not in replaced):
        raise ValueError(f'--initial-weights: {path} has the weights of another network than '
                         f'{type(network).__name__}; {report}')
    for name, (stored, own) in report.other_shape.items():
        if name not in replaced:
            raise ValueError(f'--initial-weights: {path} does not fit: it has {name} with the shape {stored}, '
                             f'{type(network).__name__} needs {own} here')
    print(f'starting from {path}: {report}'.replace('\n', '\n  '))
    if replaced:
        print(f'  a new classifier with {outputs} outputs takes the place of the old one')
    return {*report.other_shape, *report.missing}


def find_classifier(other_shape: dict[str, tuple[tuple[int, ...], tuple[int, ...]]], outputs: int) -> set[str]:
    """Which arrays have another shape than weights do because these are for another number of outputs.

    Their first axis is that of the outputs or, as in detectors, of up to `MOST_GROUPS` groups of as many; so may the
    second one be, where transposed convolutions enlarge scores. All agree on the number of outputs of the weights.

    Args:
        other_shape: By the names of arrays, the shape in the weights and that in the network.
        outputs: The network's number of outputs.

    Example:
        >>> shapes = {'conv/W': ((8, 3), (6, 3)), 'fc/W': ((10, 4), (3, 4)), 'fc/b': ((10,), (3,))}
        >>> sorted(find_classifier(shapes, 3))
        ['fc/W', 'fc/b']
    """
    before: dict[str, int] = {}
    for name, (stored, own) in other_shape.items():
        groups = own[0] // outputs if own and len(own) == len(stored) else 0
        if (0 < groups <= MOST_GROUPS and own[0] == groups * outputs and stored[0] % groups == 0
                and own[2:] == stored[2:] and own[1:2] in (stored[1:2], (outputs,))):
            before[name] = stored[0] // groups
    # The classifier comes last.
    last = next(reversed(before.values()), None)
    return {name for name, count in before.items() if count == last}


def freeze(network: Link, layer: str, fresh: set[str]) -> None:
    """Freezes a network up to a layer, and says how much is left to train.

    Args:
        network: The network.
        layer: The name of the last layer that is frozen.
        fresh: The names of its arrays that were not loaded; none of them may be frozen.

    Raises:
        ValueError: There is no such layer, or freezing it makes no sense.
    """
    with about('--freeze'):
        network.freeze_until(layer)
    senseless = [name[1:] for name, param in network.namedparams() if not param.requires_grad and name[1:] in fresh]
    if senseless:
        raise ValueError(f'--freeze: {layer} would freeze {", ".join(senseless)}, which the weights do not have')
    trained = sum(param.size for param in network.params() if param.requires_grad)
    if not trained:
        raise ValueError(f'--freeze: {layer} leaves nothing to train')
    print(f'frozen up to {layer}: {trained:,} of {network.count_params():,} parameters train')
