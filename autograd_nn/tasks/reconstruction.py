"""What a network that encodes pictures makes of a file."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.tasks.generated_pictures import as_image
from autograd_nn.tasks.network_input import show_to_network
from autograd_nn.tasks.sample_task import sheet
from autograd_nn.tasks.task import Answer


def describe_reconstruction(network: Any, labels: Sequence[str], path: str) -> Answer:
    """What a network makes of a picture's code, beside the picture.

    Args:
        network: A `models.PictureCoder`, on its device.
        labels: The names of the classes that it was trained with.
        path: The file of the picture.

    Raises:
        OSError: It cannot be read.
    """
    x = show_to_network(path, labels, network.shape, network.preprocessing)
    with using_config('train', False), no_backprop_mode():
        seen = network.device.send(network.preprocessing.normalize(x)[None])
        made = network.to_pictures(network.reconstruct(seen))[0]
    difference = float(np.abs(made - x).mean())
    return Answer(f'{network.latent_size} numbers, from which it comes out with a mean difference of {difference:.1%}',
                  {'reconstruction': sheet([as_image(x), as_image(made)], columns=2, gap=4)})
