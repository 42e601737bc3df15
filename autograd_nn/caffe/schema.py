"""The messages of Caffe's files: those of their fields which this package uses, by Caffe's names and numbers.

They are built from the table below when the module is imported, in a pool of their own, so that no compiler is needed
and another program's messages of the same names are not in the way.
"""
from __future__ import annotations

import re
from typing import Any

from autograd_nn.caffe.wire import Message

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as error:
    raise ImportError("Caffe's files need the protobuf library: pip install 'autograd_nn[caffe]'") from error

_ENUMS = {
    'Phase': 'TRAIN=0 TEST=1',
    'Storage': 'DOUBLE=0 FLOAT=1 FLOAT16=2 INT=3 UINT=4',
    'PoolingParameter.PoolMethod': 'MAX=0 AVE=1 STOCHASTIC=2',
    'PoolingParameter.RoundMode': 'CEIL=0 FLOOR=1',
    'EltwiseParameter.EltwiseOp': 'PROD=0 SUM=1 MAX=2',
    'LRNParameter.NormRegion': 'ACROSS_CHANNELS=0 WITHIN_CHANNEL=1',
    'LossParameter.NormalizationMode': 'FULL=0 VALID=1 BATCH_SIZE=2 NONE=3',
    'ReductionParameter.ReductionOp': 'SUM=1 ASUM=2 SUMSQ=3 MEAN=4',
    'HingeLossParameter.Norm': 'L1=1 L2=2',
    'FillerParameter.VarianceNorm': 'FAN_IN=0 FAN_OUT=1 AVERAGE=2',
    'SPPParameter.PoolMethod': 'MAX=0 AVE=1 STOCHASTIC=2',
    'PriorBoxParameter.CodeType': 'CORNER=1 CENTER_SIZE=2 CORNER_SIZE=3',
    'V1LayerParameter.LayerType': (
        'NONE=0 ACCURACY=1 BNLL=2 CONCAT=3 CONVOLUTION=4 DATA=5 DROPOUT=6 EUCLIDEAN_LOSS=7 FLATTEN=8 HDF5_DATA=9 '
        'HDF5_OUTPUT=10 IM2COL=11 IMAGE_DATA=12 INFOGAIN_LOSS=13 INNER_PRODUCT=14 LRN=15 MULTINOMIAL_LOGISTIC_LOSS=16 '
        'POOLING=17 RELU=18 SIGMOID=19 SOFTMAX=20 SOFTMAX_LOSS=21 SPLIT=22 TANH=23 WINDOW_DATA=24 ELTWISE=25 POWER=26 '
        'SIGMOID_CROSS_ENTROPY_LOSS=27 HINGE_LOSS=28 MEMORY_DATA=29 ARGMAX=30 THRESHOLD=31 DUMMY_DATA=32 SLICE=33 '
        'MVN=34 ABSVAL=35 SILENCE=36 CONTRASTIVE_LOSS=37 EXP=38 DECONVOLUTION=39'),
}

# A field: its name, its number, its type (with * where it is repeated, [] where it is packed as well), its default.
_MESSAGES = {
    'BlobShape': 'dim=1 int64[]',
    # Without the numbers themselves, which are read straight into arrays (see wire.py).
    'BlobProto': 'num=1 int64, channels=2 int64, height=3 int64, width=4 int64, shape=7 BlobShape, '
                 'raw_data_type=10 Storage FLOAT',
    'FillerParameter': 'type=1 string constant, value=2 float 0, min=3 float 0, max=4 float 1, mean=5 float 0, '
                       'std=6 float 1, sparse=7 int32 -1, variance_norm=8 FillerParameter.VarianceNorm FAN_IN',
    'NetState': 'phase=1 Phase TEST, level=2 int32 0, stage=3 string*',
    'NetStateRule': 'phase=1 Phase, min_level=2 int32, max_level=3 int32, stage=4 string*, not_stage=5 string*',
    'ParamSpec': 'name=1 string, lr_mult=3 float 1, decay_mult=4 float 1',
    'TransformationParameter': 'scale=1 float 1, mirror=2 bool false, crop_size=3 uint32 0, mean_file=4 string, '
                               'mean_value=5 float*, force_color=6 bool false, force_gray=7 bool false',
    'LossParameter': 'ignore_label=1 int32, normalize=2 bool, normalization=3 LossParameter.NormalizationMode VALID',
    'AccuracyParameter': 'top_k=1 uint32 1, axis=2 int32 1, ignore_label=3 int32',
    'ArgMaxParameter': 'out_max_val=1 bool false, top_k=2 uint32 1, axis=3 int32',
    'BatchNormParameter': 'use_global_stats=1 bool, moving_average_fraction=2 float 0.999, eps=3 float 1e-5, '
                          'scale_bias=7 bool false',
    'BiasParameter': 'axis=1 int32 1, num_axes=2 int32 1, filler=3 FillerParameter',
    'ClipParameter': 'min=1 float, max=2 float',
    'ConcatParameter': 'concat_dim=1 uint32 1, axis=2 int32 1',
    'ContrastiveLossParameter': 'margin=1 float 1, legacy_version=2 bool false',
    'ConvolutionParameter': 'num_output=1 uint32, bias_term=2 bool true, pad=3 uint32*, kernel_size=4 uint32*, '
                            'group=5 uint32 1, stride=6 uint32*, weight_filler=7 FillerParameter, '
                            'bias_filler=8 FillerParameter, pad_h=9 uint32 0, pad_w=10 uint32 0, kernel_h=11 uint32, '
                            'kernel_w=12 uint32, stride_h=13 uint32, stride_w=14 uint32, axis=16 int32 1, '
                            'force_nd_im2col=17 bool false, dilation=18 uint32*',
    'CropParameter': 'axis=1 int32 2, offset=2 uint32*',
    'DataParameter': 'source=1 string, scale=2 float 1, mean_file=3 string, batch_size=4 uint32, '
                     'crop_size=5 uint32 0, mirror=6 bool false',
    'NonMaximumSuppressionParameter': 'nms_threshold=1 float 0.3, top_k=2 int32, eta=3 float 1',
    'DetectionOutputParameter': 'num_classes=1 uint32, share_location=2 bool true, background_label_id=3 int32 0, '
                                'nms_param=4 NonMaximumSuppressionParameter, '
                                'code_type=6 PriorBoxParameter.CodeType CORNER, keep_top_k=7 int32 -1, '
                                'variance_encoded_in_target=8 bool false, confidence_threshold=9 float',
    'DropoutParameter': 'dropout_ratio=1 float 0.5, scale_train=2 bool true',
    'DummyDataParameter': 'data_filler=1 FillerParameter*, num=2 uint32*, channels=3 uint32*, height=4 uint32*, '
                          'width=5 uint32*, shape=6 BlobShape*',
    'EltwiseParameter': 'operation=1 EltwiseParameter.EltwiseOp SUM, coeff=2 float*, stable_prod_grad=3 bool true',
    'ELUParameter': 'alpha=1 float 1',
    'EmbedParameter': 'num_output=1 uint32, input_dim=2 uint32, bias_term=3 bool true, '
                      'weight_filler=4 FillerParameter, bias_filler=5 FillerParameter',
    'ExpParameter': 'base=1 float -1, scale=2 float 1, shift=3 float 0',
    'FlattenParameter': 'axis=1 int32 1, end_axis=2 int32 -1',
    'HingeLossParameter': 'norm=1 HingeLossParameter.Norm L1',
    'ImageDataParameter': 'source=1 string, scale=2 float 1, mean_file=3 string, batch_size=4 uint32 1, '
                          'crop_size=5 uint32 0, mirror=6 bool false, new_height=9 uint32 0, new_width=10 uint32 0',
    'InfogainLossParameter': 'source=1 string, axis=2 int32 1',
    'InnerProductParameter': 'num_output=1 uint32, bias_term=2 bool true, weight_filler=3 FillerParameter, '
                             'bias_filler=4 FillerParameter, axis=5 int32 1, transpose=6 bool false',
    'InputParameter': 'shape=1 BlobShape*',
    'InterpParameter': 'height=1 int32 0, width=2 int32 0, zoom_factor=3 int32 1, shrink_factor=4 int32 1, '
                       'pad_beg=5 int32 0, pad_end=6 int32 0',
    'LogParameter': 'base=1 float -1, scale=2 float 1, shift=3 float 0',
    'LRNParameter': 'local_size=1 uint32 5, alpha=2 float 1, beta=3 float 0.75, '
                    'norm_region=4 LRNParameter.NormRegion ACROSS_CHANNELS, k=5 float 1',
    'MemoryDataParameter': 'batch_size=1 uint32, channels=2 uint32, height=3 uint32, width=4 uint32',
    'MVNParameter': 'normalize_variance=1 bool true, across_channels=2 bool false, eps=3 float 1e-9',
    'NormalizeParameter': 'across_spatial=1 bool true, scale_filler=2 FillerParameter, channel_shared=3 bool true, '
                          'eps=4 float 1e-10',
    'ParameterParameter': 'shape=1 BlobShape',
    'PermuteParameter': 'order=1 uint32*',
    'PoolingParameter': 'pool=1 PoolingParameter.PoolMethod MAX, kernel_size=2 uint32, stride=3 uint32 1, '
                        'pad=4 uint32 0, kernel_h=5 uint32, kernel_w=6 uint32, stride_h=7 uint32, stride_w=8 uint32, '
                        'pad_h=9 uint32 0, pad_w=10 uint32 0, global_pooling=12 bool false, '
                        'round_mode=13 PoolingParameter.RoundMode CEIL, ceil_mode=1013 bool true',
    'PowerParameter': 'power=1 float 1, scale=2 float 1, shift=3 float 0',
    'PReLUParameter': 'filler=1 FillerParameter, channel_shared=2 bool false',
    'PriorBoxParameter': 'min_size=1 float*, max_size=2 float*, aspect_ratio=3 float*, flip=4 bool true, '
                         'clip=5 bool false, variance=6 float*, img_size=7 uint32, img_h=8 uint32, img_w=9 uint32, '
                         'step=10 float, step_h=11 float, step_w=12 float, offset=13 float 0.5',
    'RecurrentParameter': 'num_output=1 uint32 0, weight_filler=2 FillerParameter, bias_filler=3 FillerParameter, '
                          'expose_hidden=5 bool false',
    'ReductionParameter': 'operation=1 ReductionParameter.ReductionOp SUM, axis=2 int32 0, coeff=3 float 1',
    'ReLUParameter': 'negative_slope=1 float 0',
    'ReshapeParameter': 'shape=1 BlobShape, axis=2 int32 0, num_axes=3 int32 -1',
    'ScaleParameter': 'axis=1 int32 1, num_axes=2 int32 1, filler=3 FillerParameter, bias_term=4 bool false, '
                      'bias_filler=5 FillerParameter',
    'SliceParameter': 'slice_dim=1 uint32 1, slice_point=2 uint32*, axis=3 int32 1',
    'SmoothL1LossParameter': 'sigma=1 float 1',
    'SoftmaxParameter': 'axis=2 int32 1',
    'SPPParameter': 'pyramid_height=1 uint32, pool=2 SPPParameter.PoolMethod MAX',
    'SwishParameter': 'beta=1 float 1',
    'ThresholdParameter': 'threshold=1 float 0',
    'TileParameter': 'axis=1 int32 1, tiles=2 int32',
    'UpsampleParameter': 'scale=1 uint32 2, scale_h=2 uint32, scale_w=3 uint32, pad_out_h=4 bool false, '
                         'pad_out_w=5 bool false, upsample_h=6 uint32, upsample_w=7 uint32',
    # Permute, PriorBox, DetectionOutput and Normalize have the numbers that SSD gave them, SmoothL1Loss has that of
    # Fast R-CNN. Those of Interp and Upsample differ from one variant of Caffe to the next, as does that of ceil_mode
    # above: these are certain in text only.
    'LayerParameter': (
        'name=1 string, type=2 string, bottom=3 string*, top=4 string*, loss_weight=5 float*, param=6 ParamSpec*, '
        'include=8 NetStateRule*, exclude=9 NetStateRule*, phase=10 Phase, propagate_down=11 bool*, '
        'transform_param=100 TransformationParameter, loss_param=101 LossParameter, '
        'accuracy_param=102 AccuracyParameter, argmax_param=103 ArgMaxParameter, concat_param=104 ConcatParameter, '
        'contrastive_loss_param=105 ContrastiveLossParameter, convolution_param=106 ConvolutionParameter, '
        'data_param=107 DataParameter, dropout_param=108 DropoutParameter, dummy_data_param=109 DummyDataParameter, '
        'eltwise_param=110 EltwiseParameter, exp_param=111 ExpParameter, hinge_loss_param=114 HingeLossParameter, '
        'image_data_param=115 ImageDataParameter, infogain_loss_param=116 InfogainLossParameter, '
        'inner_product_param=117 InnerProductParameter, lrn_param=118 LRNParameter, '
        'memory_data_param=119 MemoryDataParameter, mvn_param=120 MVNParameter, pooling_param=121 PoolingParameter, '
        'power_param=122 PowerParameter, relu_param=123 ReLUParameter, '
        'softmax_param=125 SoftmaxParameter, slice_param=126 SliceParameter, threshold_param=128 ThresholdParameter, '
        'prelu_param=131 PReLUParameter, spp_param=132 SPPParameter, reshape_param=133 ReshapeParameter, '
        'log_param=134 LogParameter, flatten_param=135 FlattenParameter, '
        'reduction_param=136 ReductionParameter, embed_param=137 EmbedParameter, '
        'tile_param=138 TileParameter, batch_norm_param=139 BatchNormParameter, elu_param=140 ELUParameter, '
        'bias_param=141 BiasParameter, scale_param=142 ScaleParameter, input_param=143 InputParameter, '
        'crop_param=144 CropParameter, parameter_param=145 ParameterParameter, '
        'recurrent_param=146 RecurrentParameter, swish_param=147 SwishParameter, '
        'clip_param=148 ClipParameter, upsample_param=149 UpsampleParameter, permute_param=202 PermuteParameter, '
        'prior_box_param=203 PriorBoxParameter, detection_output_param=204 DetectionOutputParameter, '
        'norm_param=206 NormalizeParameter, interp_param=2143 InterpParameter, '
        'smooth_l1_loss_param=8266712 SmoothL1LossParameter'),
    'V1LayerParameter': (
        'layer=1 V0LayerParameter, bottom=2 string*, top=3 string*, name=4 string, '
        'type=5 V1LayerParameter.LayerType, blobs_lr=7 float*, weight_decay=8 float*, '
        'concat_param=9 ConcatParameter, convolution_param=10 ConvolutionParameter, data_param=11 DataParameter, '
        'dropout_param=12 DropoutParameter, image_data_param=15 ImageDataParameter, '
        'infogain_loss_param=16 InfogainLossParameter, inner_product_param=17 InnerProductParameter, '
        'lrn_param=18 LRNParameter, pooling_param=19 PoolingParameter, '
        'power_param=21 PowerParameter, memory_data_param=22 MemoryDataParameter, argmax_param=23 ArgMaxParameter, '
        'eltwise_param=24 EltwiseParameter, threshold_param=25 ThresholdParameter, '
        'dummy_data_param=26 DummyDataParameter, accuracy_param=27 AccuracyParameter, '
        'hinge_loss_param=29 HingeLossParameter, relu_param=30 ReLUParameter, slice_param=31 SliceParameter, '
        'include=32 NetStateRule*, exclude=33 NetStateRule*, mvn_param=34 MVNParameter, loss_weight=35 float*, '
        'transform_param=36 TransformationParameter, softmax_param=39 SoftmaxParameter, '
        'contrastive_loss_param=40 ContrastiveLossParameter, exp_param=41 ExpParameter, loss_param=42 LossParameter, '
        'param=1001 string*'),
    'V0LayerParameter': (
        'name=1 string, type=2 string, num_output=3 uint32, biasterm=4 bool true, weight_filler=5 FillerParameter, '
        'bias_filler=6 FillerParameter, pad=7 uint32 0, kernelsize=8 uint32, group=9 uint32 1, stride=10 uint32 1, '
        'pool=11 PoolingParameter.PoolMethod MAX, dropout_ratio=12 float 0.5, local_size=13 uint32 5, '
        'alpha=14 float 1, beta=15 float 0.75, source=16 string, scale=17 float 1, meanfile=18 string, '
        'batchsize=19 uint32, cropsize=20 uint32 0, mirror=21 bool false, k=22 float 1, blobs_lr=51 float*, '
        'weight_decay=52 float*, concat_dim=65 uint32 1'),
    'NetParameter': 'name=1 string, layers=2 V1LayerParameter*, input=3 string*, input_dim=4 int32*, '
                    'force_backward=5 bool false, state=6 NetState, debug_info=7 bool false, '
                    'input_shape=8 BlobShape*, layer=100 LayerParameter*',
}

_FieldType = descriptor_pb2.FieldDescriptorProto
_SCALARS = {name: getattr(_FieldType, f'TYPE_{name.upper()}')
            for name in ('bool', 'float', 'int32', 'int64', 'uint32', 'string')}


def _describe() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name='autograd_nn/caffe.proto', package='autograd_nn.caffe',
                                              syntax='proto2')
    messages = {name: file.message_type.add(name=name) for name in _MESSAGES}
    for path, values in _ENUMS.items():
        parent, _, name = path.rpartition('.')
        enum = messages[parent].enum_type.add(name=name) if parent else file.enum_type.add(name=name)
        for value in values.split():
            enum.value.add(name=value.partition('=')[0], number=int(value.partition('=')[2]))
    for name, fields in _MESSAGES.items():
        for field in fields.split(', '):
            _add_field(messages[name], field)
    return file


def _add_field(message: Message, text: str) -> None:
    match = re.fullmatch(r'(\w+)=(\d+) ([\w.]+)(\*|\[\])?(?: (\S+))?', text)
    assert match, text
    name, number, kind, repeated, default = match.groups()
    field = message.field.add(name=name, number=int(number), default_value=default,
                              label=_FieldType.LABEL_REPEATED if repeated else _FieldType.LABEL_OPTIONAL)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _FieldType.TYPE_ENUM if kind in _ENUMS else _FieldType.TYPE_MESSAGE
        field.type_name = f'.autograd_nn.caffe.{kind}'
    if repeated == '[]':
        field.options.packed = True


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_describe())


def _get_class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f'autograd_nn.caffe.{name}'))


# The classes of the messages a program creates by itself; those of the fields inside come with them.
NetParameter = _get_class('NetParameter')
LayerParameter = _get_class('LayerParameter')
V1LayerParameter = _get_class('V1LayerParameter')
V0LayerParameter = _get_class('V0LayerParameter')
BlobProto = _get_class('BlobProto')
