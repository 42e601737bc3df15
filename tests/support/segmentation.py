"""What ChainerCV's files for semantic segmentation hold: paths and shapes, as its classes have them."""
from itertools import pairwise


def chainercv_segnet_shapes(n_class=11):
    """Those of ``SegNetBasic``."""
    shapes = {}
    for name in (*(f'conv{i}' for i in range(1, 5)), *(f'conv_decode{i}' for i in range(1, 5))):
        shapes[f'{name}/W'] = 64, 3 if name == 'conv1' else 64, 7, 7
        shapes |= batch_normalization(f'{name}_bn', 64)
    return shapes | {'conv_classifier/W': (n_class, 64, 1, 1), 'conv_classifier/b': (n_class,)}


def chainercv_deeplab_shapes(n_class=21):
    """Those of ``DeepLabV3plusXception65``."""
    shapes = {}

    def conv(path, n_in, n_out, ksize=1):
        shapes.update({f'{path}/conv/W': (n_out, n_in, ksize, ksize), **batch_normalization(f'{path}/bn', n_out)})

    def separable(path, n_in, n_out):
        shapes.update({f'{path}/depthwise/W': (n_in, 1, 3, 3), f'{path}/pointwise/W': (n_out, n_in, 1, 1),
                       **batch_normalization(f'{path}/dw_bn', n_in), **batch_normalization(f'{path}/pw_bn', n_out)})

    def block(path, *channels, skip):
        for i, (n_in, n_out) in enumerate(pairwise(channels), start=1):
            separable(f'{path}/separable{i}', n_in, n_out)
        if skip:
            conv(f'{path}/conv', channels[0], channels[-1])

    extractor = 'feature_extractor'
    conv(f'{extractor}/entryflow_conv1', 3, 32, 3)
    conv(f'{extractor}/entryflow_conv2', 32, 64, 3)
    for i, (n_in, n_out) in enumerate([(64, 128), (128, 256), (256, 728)], start=1):
        block(f'{extractor}/entryflow_block{i}', n_in, n_out, n_out, n_out, skip=True)
    for i in range(1, 17):
        block(f'{extractor}/middleflow_block{i}', 728, 728, 728, 728, skip=False)
    block(f'{extractor}/exitflow_block1', 728, 728, 1024, 1024, skip=True)
    block(f'{extractor}/exitflow_block2', 1024, 1536, 1536, 2048, skip=False)
    conv('aspp/image_pooling_conv', 2048, 256)
    conv('aspp/conv1x1', 2048, 256)
    for i in 1, 2, 3:
        separable(f'aspp/atrous{i}', 2048, 256)
    conv('aspp/proj', 5 * 256, 256)
    conv('decoder/feature_proj', 256, 48)
    separable('decoder/conv1', 304, 256)
    separable('decoder/conv2', 256, 256)
    return shapes | {'decoder/conv_logits/W': (n_class, 256, 1, 1), 'decoder/conv_logits/b': (n_class,)}


def batch_normalization(path, size):
    """The arrays of a BatchNormalization."""
    return {f'{path}/{name}': (size,) for name in ('gamma', 'beta', 'avg_mean', 'avg_var')} | {f'{path}/N': ()}
