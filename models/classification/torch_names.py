"""The names that layers of the zoo's networks have in the files that were published for PyTorch."""
from __future__ import annotations

from autograd_nn.models.classification.efficientnet import EfficientNetLite0

Names = dict[str, str]


def _name_efficientnet_lite0() -> Names:
    """The modules of the package ``efficientnet_lite_pytorch``, which numbers all blocks in a row."""
    names = {'_conv_stem': 'stem/conv', '_bn0': 'stem/bn', '_conv_head': 'head/conv', '_bn1': 'head/bn', '_fc': 'fc'}
    blocks = [f'stage{i}/block{j}' for i, row in enumerate(EfficientNetLite0.table, start=1) for j in range(row.depth)]
    for i, path in enumerate(blocks):
        for number, part in enumerate(['expand', 'depthwise', 'project']):
            names |= {f'_blocks.{i}._{part}_conv': f'{path}/{part}/conv',
                      f'_blocks.{i}._bn{number}': f'{path}/{part}/bn'}
    return names


TORCH_NAMES: dict[str, Names] = {'efficientnet_lite0': _name_efficientnet_lite0()}
"""For networks of the zoo that were published for PyTorch: for each of its modules with weights the path of the link
here, as `serializers.load_state_dict` takes it."""
