"""Small tools, most of them Chainer's, that know nothing of graphs or layers."""
from collections import abc as collections_abc
from importlib import import_module
from typing import TYPE_CHECKING, Any

from autograd_nn.geometry import conv_output_size as get_conv_outsize
from autograd_nn.geometry import deconv_output_size as get_deconv_outsize
from autograd_nn.utils import type_check
from autograd_nn.utils.array import force_array, force_type, size_of_shape, sum_to
from autograd_nn.utils.experimental import experimental
from autograd_nn.utils.nondeterministic import nondeterministic

if TYPE_CHECKING:
    from autograd_nn.utils import argument, cache, conv, conv_nd, error, imgproc, meta, precision
    from autograd_nn.utils.animation import Animation
    from autograd_nn.utils.box_pictures import draw_boxes
    from autograd_nn.utils.boxes import box_iou, non_maximum_suppression
    from autograd_nn.utils.confusion_picture import draw_confusion
    from autograd_nn.utils.files import tempdir
    from autograd_nn.utils.label_map_pictures import add_legend, draw_label_map, label_map_picture, voc_colormap
    from autograd_nn.utils.meta import enable_final, final

__all__ = [
    'Animation', 'add_legend', 'argument', 'array', 'box_iou', 'cache', 'conv', 'conv_nd', 'draw_boxes',
    'draw_confusion', 'draw_label_map', 'enable_final', 'error', 'experimental', 'final', 'force_array',
    'force_type', 'get_conv_outsize', 'get_deconv_outsize', 'imgproc', 'label_map_picture', 'meta',
    'non_maximum_suppression', 'nondeterministic', 'precision', 'size_of_shape', 'sum_to', 'tempdir', 'type_check',
    'voc_colormap',
]

# What few programs use is imported when one does: modules, and names of modules.
_MODULES = 'argument', 'cache', 'conv', 'conv_nd', 'error', 'imgproc', 'meta', 'precision'
_NAMES = {'Animation': 'animation', 'box_iou': 'boxes', 'draw_boxes': 'box_pictures',
          'draw_confusion': 'confusion_picture', 'enable_final': 'meta', 'final': 'meta',
          'non_maximum_suppression': 'boxes', 'tempdir': 'files',
          **dict.fromkeys(('add_legend', 'draw_label_map', 'label_map_picture', 'voc_colormap'), 'label_map_pictures')}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f'{__name__}.{name}')
    if name in _NAMES:
        return getattr(import_module(f'{__name__}.{_NAMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
