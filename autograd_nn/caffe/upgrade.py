"""Networks of Caffe's earlier versions in its current form."""
from __future__ import annotations

from typing import Any

from autograd_nn.caffe.schema import LayerParameter, NetParameter, V1LayerParameter
from autograd_nn.caffe.wire import Message

# The names of V1's types are those of today in capitals, but for these.
_V1_NAMES = {
    'ABSVAL': 'AbsVal', 'ARGMAX': 'ArgMax', 'BNLL': 'BNLL', 'CONTRASTIVE_LOSS': 'ContrastiveLoss',
    'DUMMY_DATA': 'DummyData', 'EUCLIDEAN_LOSS': 'EuclideanLoss', 'HDF5_DATA': 'HDF5Data',
    'HDF5_OUTPUT': 'HDF5Output', 'HINGE_LOSS': 'HingeLoss', 'IMAGE_DATA': 'ImageData', 'INFOGAIN_LOSS': 'InfogainLoss',
    'INNER_PRODUCT': 'InnerProduct', 'LRN': 'LRN', 'MEMORY_DATA': 'MemoryData',
    'MULTINOMIAL_LOGISTIC_LOSS': 'MultinomialLogisticLoss', 'MVN': 'MVN', 'RELU': 'ReLU',
    'SIGMOID_CROSS_ENTROPY_LOSS': 'SigmoidCrossEntropyLoss', 'SOFTMAX_LOSS': 'SoftmaxWithLoss', 'TANH': 'TanH',
    'WINDOW_DATA': 'WindowData', 'NONE': '',
}
_V0_NAMES = {
    'innerproduct': 'InnerProduct', 'conv': 'Convolution', 'pool': 'Pooling', 'lrn': 'LRN', 'relu': 'ReLU',
    'data': 'Data', 'images': 'ImageData', 'window_data': 'WindowData', 'hdf5_data': 'HDF5Data',
    'hdf5_output': 'HDF5Output', 'bnll': 'BNLL', 'tanh': 'TanH', 'im2col': 'Im2col', 'softmax_loss': 'SoftmaxWithLoss',
    'euclidean_loss': 'EuclideanLoss', 'hinge_loss': 'HingeLoss', 'infogain_loss': 'InfogainLoss',
    'multinomial_logistic_loss': 'MultinomialLogisticLoss',
}
# Where V0's settings went: by the layer's type, the message and the setting's name in it by its name in V0.
_V0_SETTINGS = {
    'Convolution': ('convolution_param', {
        'num_output': 'num_output', 'biasterm': 'bias_term', 'weight_filler': 'weight_filler',
        'bias_filler': 'bias_filler', 'pad': 'pad', 'kernelsize': 'kernel_size', 'group': 'group', 'stride': 'stride'}),
    'InnerProduct': ('inner_product_param', {
        'num_output': 'num_output', 'biasterm': 'bias_term', 'weight_filler': 'weight_filler',
        'bias_filler': 'bias_filler'}),
    'Pooling': ('pooling_param', {'pool': 'pool', 'pad': 'pad', 'kernelsize': 'kernel_size', 'stride': 'stride'}),
    'Dropout': ('dropout_param', {'dropout_ratio': 'dropout_ratio'}),
    'LRN': ('lrn_param', {'local_size': 'local_size', 'alpha': 'alpha', 'beta': 'beta', 'k': 'k'}),
    'Concat': ('concat_param', {'concat_dim': 'concat_dim'}),
    'InfogainLoss': ('infogain_loss_param', {'source': 'source'}),
    'Data': ('data_param', {'source': 'source', 'batchsize': 'batch_size', 'scale': 'scale', 'meanfile': 'mean_file',
                            'cropsize': 'crop_size', 'mirror': 'mirror'}),
}
_UNCHANGED = ('bottom', 'top', 'include', 'exclude', 'loss_weight')


def upgrade(net: Message) -> Any:
    """A network in Caffe's current form: each layer a `LayerParameter`, each input the top of a layer of type Input.

    Args:
        net: A `NetParameter` message of any version; it is not changed.

    Returns:
        A new `NetParameter` message.

    Example:
        >>> from autograd_nn.caffe import NetParameter, upgrade
        >>> net = NetParameter(input=['data'], input_dim=[1, 3, 8, 8], layers=[{'name': 'relu1', 'type': 18}])
        >>> [(layer.name, layer.type) for layer in upgrade(net).layer]
        [('input', 'Input'), ('relu1', 'ReLU')]
    """
    current = NetParameter()
    current.CopyFrom(net)
    for name in ('layer', 'layers', 'input', 'input_dim', 'input_shape'):
        current.ClearField(name)
    if net.input:
        current.layer.append(_make_input_layer(net))
    current.layer.extend(net.layer)
    padding: dict[str, tuple[str, int]] = {}
    for old in net.layers:
        layer = _upgrade_v0(old, padding) if old.HasField('layer') else _upgrade_v1(old)
        if layer is not None:
            current.layer.append(layer)
    return current


def _make_input_layer(net: Message) -> Any:
    layer = LayerParameter(name='input', type='Input', top=net.input)
    dims = [list(shape.dim) for shape in net.input_shape] or [
        list(net.input_dim[start:start + 4]) for start in range(0, len(net.input_dim), 4)]
    for shape in dims:
        layer.input_param.shape.add(dim=shape)
    return layer


def _upgrade_v1(old: Message) -> Any:
    layer = LayerParameter(name=old.name)
    type_name = V1LayerParameter.LayerType.Name(old.type)
    layer.type = _V1_NAMES.get(type_name, type_name.capitalize())
    for field, value in old.ListFields():
        if field.name in _UNCHANGED:
            getattr(layer, field.name).extend(value)
        elif field.type == field.TYPE_MESSAGE and field.name in layer.DESCRIPTOR.fields_by_name:
            getattr(layer, field.name).CopyFrom(value)
    _upgrade_params(layer, old.param, old.blobs_lr, old.weight_decay)
    return layer


def _upgrade_params(layer: Message, names: Any, rates: Any, decays: Any) -> None:
    for index in range(max(len(names), len(rates), len(decays))):
        param = layer.param.add()
        for name, values in ('name', names), ('lr_mult', rates), ('decay_mult', decays):
            if index < len(values):
                setattr(param, name, values[index])


def _upgrade_v0(old: Message, padding: dict[str, tuple[str, int]]) -> Any:
    """Upgrades a layer of the first version, or returns None for one of padding, which the next layer takes over.

    Args:
        old: The layer.
        padding: By the names of padded blobs, what they are without padding, and its size; added to.
    """
    if old.layer.type == 'padding':
        padding[old.top[0] if old.top else ''] = old.bottom[0] if old.bottom else '', old.layer.pad
        return None
    kind = _V0_NAMES.get(old.layer.type) or old.layer.type.capitalize()
    layer = LayerParameter(name=old.layer.name, type=kind, bottom=old.bottom, top=old.top)
    parameters, settings = _V0_SETTINGS.get(kind, ('', {}))
    for field, value in old.layer.ListFields():
        if field.name in settings:
            _set(getattr(layer, parameters), settings[field.name], value)
    for index, bottom in enumerate(layer.bottom):
        if bottom in padding and parameters in ('convolution_param', 'pooling_param'):
            layer.bottom[index], size = padding[bottom]
            _set(getattr(layer, parameters), 'pad', size)
    _upgrade_params(layer, [], old.layer.blobs_lr, old.layer.weight_decay)
    return layer


def _set(message: Message, name: str, value: Any) -> None:
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.type == field.TYPE_MESSAGE:
        getattr(message, name).CopyFrom(value)
    elif isinstance(getattr(message, name), (bool, int, float, str)):
        setattr(message, name, value)
    else:
        getattr(message, name)[:] = [value]
