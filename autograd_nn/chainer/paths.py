"""Modules of Chainer that have no file of their own here: in Chainer each function, layer and extension has one."""
from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from autograd_nn.compat import defer

# For each package, the modules that it has in Chainer: the name, the module here (in the same package, or its whole
# path with a dot), and names that are in both. ``A=B``: A is called B here. ``A~f``: Chainer's node class A is no class
# here, but what the function f does; ``A=B~f``: its nodes are those of the class B, which is made in another way.
_PATHS = {
    'datasets': '''
        fashion_mnist mnist get_fashion_mnist_labels get_fashion_mnist''',
    'distributed.communicators': '''
        flat_communicator mpi_communicator FlatCommunicator=MpiCommunicator
        mpi_communicator_base mpi_communicator MpiCommunicatorBase=MpiCommunicator
        naive_communicator mpi_communicator NaiveCommunicator=MpiCommunicator
        non_cuda_aware_communicator mpi_communicator NonCudaAwareCommunicator=MpiCommunicator
        pure_nccl_communicator mpi_communicator PureNcclCommunicator=MpiCommunicator''',
    'distributed.datasets': '''
        empty_dataset distributed.datasets create_empty_dataset
        scatter distributed.datasets DataSizeError scatter_dataset scatter_index''',
    'distributed.extensions': '''
        _multi_node_snapshot snapshot multi_node_snapshot
        allreduce_persistent averages AllreducePersistent
        multi_node_early_stopping_trigger averages MultiNodeEarlyStoppingTrigger
        multi_node_evaluator evaluator GenericMultiNodeEvaluator create_multi_node_evaluator
        observation_aggregator averages ObservationAggregator''',
    'distributed.functions': '''
        collective_communication collective allgather alltoall bcast gather scatter
        point_to_point_communication point_to_point recv send
        pseudo_connect communication pseudo_connect''',
    'distributed.iterators': '''
        multi_node_iterator distributed.iterators create_multi_node_iterator
        synchronized_iterator distributed.iterators create_synchronized_iterator''',
    'distributed.links': '''
        create_mnbn_model batch_normalization create_mnbn_model
        multi_node_chain_list model_parallel MultiNodeChainList
        n_step_rnn model_parallel create_multi_node_n_step_rnn''',
    'functions.activation': '''
        clipped_relu rectifier ClippedReLU clipped_relu relu6
        crelu rectifier CReLU~crelu crelu
        elu smooth_rectifier ELU=ELU~elu elu
        hard_sigmoid sigmoid HardSigmoid hard_sigmoid
        leaky_relu rectifier LeakyReLU=LeakyReLU~leaky_relu leaky_relu
        log_softmax functions.math.reduction logsumexp
        log_softmax softmax LogSoftmax=LogSoftmax~log_softmax log_softmax
        maxout rectifier maxout
        prelu rectifier PReLUFunction=PReLU~prelu prelu
        relu rectifier ReLU relu
        rrelu rectifier RReLU~rrelu rrelu
        selu smooth_rectifier selu
        softplus smooth_rectifier Softplus=Softplus~softplus softplus
        swish smooth_rectifier Swish=Swish~swish swish
        tanh sigmoid Tanh tanh
        lstm functions.rnn.recurrent_cells LSTM lstm
        lstm chainer.helpers _extract_gates
        slstm functions.rnn.recurrent_cells slstm
        tree_lstm functions.rnn.recurrent_cells tree_lstm''',
    'functions.array': '''
        as_strided as_strided TensorGeometry~as_strided
        broadcast broadcast Broadcast~broadcast
        cast functions.precision Cast cast
        concat joining Concat=Concat~concat concat
        copy rearrangement Copy copy
        depth2space shape Depth2Space~depth2space depth2space
        diagonal indexing Diagonal~diagonal diagonal
        dstack joining Dstack~dstack dstack
        expand_dims shape ExpandDims~expand_dims expand_dims
        flatten shape flatten
        flip rearrangement Flip=Flip~flip flip
        fliplr rearrangement FlipLR~fliplr fliplr
        flipud rearrangement FlipUD~flipud flipud
        get_item indexing GetItem get_item
        hstack joining Hstack~hstack hstack
        im2col columns Im2Col=Im2Col~im2col im2col
        moveaxis shape Moveaxis~moveaxis moveaxis
        pad rearrangement Pad=Pad~pad pad
        pad_sequence joining PadSequence~pad_sequence pad_sequence
        permutate rearrangement Permutate=Permutate~permutate permutate
        repeat rearrangement Repeat~repeat repeat
        reshape shape Reshape reshape
        resize_images resize ResizeImages~resize_images resize_images
        rollaxis shape Rollaxis~rollaxis rollaxis
        scatter_add indexing ScatterAdd scatter_add
        select_item indexing SelectItem~select_item select_item
        separate joining Separate separate
        space2depth shape Space2Depth~space2depth space2depth
        spatial_transformer_grid spatial_transformer_grid SpatialTransformerGrid~spatial_transformer_grid
        spatial_transformer_sampler spatial_transformer_sampler SpatialTransformerSampler~spatial_transformer_sampler
        split_axis joining SplitAxis=SplitAxis~split_axis split_axis
        squeeze shape Squeeze~squeeze squeeze
        stack joining Stack stack
        swapaxes shape Swapaxes~swapaxes swapaxes
        tile rearrangement Tile~tile tile
        transpose shape Transpose=Transpose~transpose transpose
        transpose_sequence functions.rnn.recurrent_sequences TransposeSequence~transpose_sequence transpose_sequence
        vstack joining Vstack~vstack vstack
        where selection Where where''',
    'functions.connection': '''
        bilinear fully_connected BilinearFunction~bilinear bilinear
        convolution_2d convolution Convolution2DFunction=ConvolutionND~convolution_2d convolution_2d
        convolution_2d convolution Convolution2DGradW=ConvolutionFilterGrad
        convolution_2d chainer.helpers _pair
        deconvolution_2d chainer.helpers _pair
        convolution_nd convolution ConvolutionND=ConvolutionND~convolution_nd
        convolution_nd convolution ConvolutionNDGradW=ConvolutionFilterGrad
        convolution_nd convolution convolution_nd convolution_1d convolution_3d
        deconvolution_2d convolution Deconvolution2DFunction=DeconvolutionND~deconvolution_2d deconvolution_2d
        deconvolution_nd convolution DeconvolutionND=DeconvolutionND~deconvolution_nd
        deconvolution_nd convolution deconvolution_nd deconvolution_1d deconvolution_3d
        depthwise_convolution_2d convolution depthwise_convolution_2d
        dilated_convolution_2d convolution dilated_convolution_2d
        embed_id embedding EmbedIDFunction=EmbedID~embed_id embed_id
        linear fully_connected LinearFunction linear
        local_convolution_2d local_convolution_2d LocalConvolution2DFunction~local_convolution_2d
        n_step_gru functions.rnn.n_step n_step_gru n_step_bigru
        n_step_lstm functions.rnn.n_step n_step_lstm n_step_bilstm
        n_step_rnn functions.rnn.n_step n_step_rnn n_step_birnn''',
    'functions.evaluation': '''
        accuracy scores Accuracy~accuracy accuracy
        binary_accuracy scores BinaryAccuracy~binary_accuracy binary_accuracy
        classification_summary scores ClassificationSummary~classification_summary classification_summary precision
        classification_summary scores recall f1_score
        r2_score scores R2_score~r2_score r2_score''',
    'functions.loss': '''
        absolute_error regression_loss AbsoluteError~absolute_error absolute_error
        contrastive margin_loss Contrastive~contrastive contrastive
        cross_covariance cross_covariance CrossCovariance~cross_covariance
        ctc ctc ConnectionistTemporalClassification~connectionist_temporal_classification
        decov decov DeCov~decov
        discriminative_loss discriminative_loss
        discriminative_loss discriminative_loss DiscriminativeMarginBasedClusteringLoss~discriminative_margin_based_clustering_loss
        hinge margin_loss Hinge~hinge hinge
        huber_loss regression_loss HuberLoss~huber_loss huber_loss
        mean_absolute_error regression_loss MeanAbsoluteError~mean_absolute_error mean_absolute_error
        mean_squared_error regression_loss MeanSquaredError mean_squared_error
        negative_sampling negative_sampling NegativeSamplingFunction~negative_sampling
        sigmoid_cross_entropy cross_entropy SigmoidCrossEntropy=SigmoidCrossEntropy~sigmoid_cross_entropy
        sigmoid_cross_entropy cross_entropy sigmoid_cross_entropy
        softmax_cross_entropy cross_entropy SoftmaxCrossEntropy=SoftmaxCrossEntropy~softmax_cross_entropy
        softmax_cross_entropy cross_entropy softmax_cross_entropy
        squared_error regression_loss SquaredError~squared_error squared_error
        squared_error functions.math.arithmetic squared_difference
        triplet margin_loss Triplet~triplet triplet
        vae likelihood_loss gaussian_kl_divergence bernoulli_nll gaussian_nll''',  # noqa: E501
    'functions.math': '''
        arctanh trigonometric Arctanh arctanh
        average reduction Mean average
        basic_math arithmetic Neg=Negative neg Absolute absolute Add add Sub=Subtract sub Mul=Multiply mul Div=Divide
        basic_math arithmetic div floordiv PowVarVar=Power pow
        basic_math number_arithmetic AddConstant=AddNumber SubFromConstant=SubtractFromNumber MulConstant=MultiplyNumber
        basic_math number_arithmetic PowVarConst=RaiseToNumber
        basic_math matrix_product matmul
        batch_l2_norm_squared reduction BatchL2NormSquared~batch_l2_norm_squared batch_l2_norm_squared
        bias affine bias
        ceil rounding ceil
        cholesky linear_algebra Cholesky cholesky
        clip clipping Clip clip
        cumprod cumulative Cumprod=CumProd~cumprod cumprod
        cumsum cumulative Cumsum=CumSum~cumsum cumsum
        det linear_algebra BatchDet=Det batch_det det
        einsum einstein_sum EinSum einsum
        erf error_function Erf erf
        erfc error_function Erfc erfc
        erfcinv error_function ErfcInv erfcinv
        erfcx error_function Erfcx erfcx
        erfinv error_function ErfInv erfinv
        exponential_m1 exponential Expm1 expm1
        fix rounding fix
        floor rounding floor
        fmod arithmetic Fmod fmod
        hyperbolic trigonometric Cosh cosh Sinh sinh
        identity affine Identity identity
        inv linear_algebra Inv BatchInv=Inv inv batch_inv
        linear_interpolate affine LinearInterpolate~linear_interpolate linear_interpolate
        log_ndtr error_function LogNdtr log_ndtr
        logarithm_1p exponential Log1p log1p
        logsumexp reduction LogSumExp=LogSumExp~logsumexp logsumexp
        matmul matrix_product MatMul=MatMul~matmul matmul BatchMatMul~batch_matmul batch_matmul
        maximum clipping Maximum maximum
        minimum clipping Minimum minimum
        minmax extremum Max=Max~max Min=Min~min ArgMin=ArgMin~argmin ArgMax=ArgMax~argmax max min argmax argmin
        ndtr error_function Ndtr ndtr
        ndtri error_function Ndtri=NdtrI ndtri
        prod reduction Prod=Prod~prod prod
        scale affine scale
        sign rounding sign
        sparse_matmul functions.connection.sparse_matmul CooMatMul~sparse_matmul sparse_matmul
        sqrt exponential Sqrt sqrt rsqrt
        square exponential Square square
        sum reduction Sum=Sum~sum sum
        sum functions.array.broadcast SumTo sum_to
        tensordot matrix_product TensorDot~tensordot tensordot
        squared_difference arithmetic squared_difference
        basic_math arithmetic DivFromConstant~div PowConstVar~pow''',
    'functions.noise': '''
        gaussian gaussian Gaussian~gaussian
        gumbel_softmax gaussian gumbel_softmax
        simplified_dropconnect simplified_dropconnect SimplifiedDropconnect~simplified_dropconnect
        zoneout dropout Zoneout~zoneout zoneout''',
    'functions.normalization': '''
        batch_normalization batch_normalization BatchNormalizationFunction=BatchNormalization~batch_normalization
        batch_renormalization batch_renormalization BatchRenormalizationFunction~batch_renormalization
        decorrelated_batch_normalization decorrelated_batch_normalization
        decorrelated_batch_normalization decorrelated_batch_normalization DecorrelatedBatchNormalization~decorrelated_batch_normalization
        decorrelated_batch_normalization decorrelated_batch_normalization FixedDecorrelatedBatchNormalization~fixed_decorrelated_batch_normalization
        group_normalization layer_normalization GroupNormalization group_normalization
        l2_normalization layer_normalization NormalizeL2~normalize normalize''',  # noqa: E501
    'functions.pooling': '''
        average_pooling_2d pooling AveragePooling2D=AveragePooling~average_pooling_2d average_pooling_2d
        average_pooling_nd pooling AveragePoolingND=AveragePooling~average_pooling_nd
        average_pooling_nd pooling average_pooling_nd average_pooling_1d
        average_pooling_nd pooling average_pooling_3d
        max_pooling_nd pooling MaxPoolingND=MaxPooling~max_pooling_nd
        max_pooling_nd pooling max_pooling_nd max_pooling_1d max_pooling_2d max_pooling_3d
        roi_average_align_2d roi_pooling_2d ROIAverageAlign2D~roi_average_align_2d roi_average_align_2d
        roi_average_pooling_2d roi_pooling_2d ROIAveragePooling2D~roi_average_pooling_2d roi_average_pooling_2d
        roi_max_align_2d roi_pooling_2d ROIMaxAlign2D~roi_max_align_2d roi_max_align_2d
        roi_max_pooling_2d roi_pooling_2d ROIMaxPooling2D~roi_max_pooling_2d roi_max_pooling_2d
        roi_pooling_2d roi_pooling_2d ROIPooling2D~roi_pooling_2d
        unpooling_2d unpooling Unpooling2D~unpooling_2d unpooling_2d
        unpooling_nd unpooling UnpoolingND~unpooling_nd unpooling_nd unpooling_1d unpooling_3d
        upsampling_2d unpooling Upsampling2D~upsampling_2d upsampling_2d
        max_pooling_2d pooling MaxPooling2D=MaxPooling~max_pooling_2d max_pooling_2d''',
    'functions.rnn': '''
        lstm recurrent_cells LSTM lstm
        lstm chainer.helpers _extract_gates
        n_step_gru n_step NStepGRU~n_step_gru NStepBiGRU~n_step_bigru n_step_gru n_step_bigru
        n_step_lstm n_step NStepLSTM~n_step_lstm NStepBiLSTM~n_step_bilstm n_step_lstm n_step_bilstm
        n_step_rnn n_step n_step_rnn n_step_birnn
        slstm recurrent_cells SLSTM~slstm slstm
        tree_lstm recurrent_cells TreeLSTM~tree_lstm tree_lstm''',
    'graph_optimizations': '''
        static_graph graph_optimizations. static_graph''',
    'initializers': '''
        normal random Normal LeCunNormal GlorotNormal HeNormal
        sampling resampling UpsamplingDeconvFilter DownsamplingConvFilter
        uniform random Uniform LeCunUniform GlorotUniform HeUniform''',
    'links.activation': '''
        maxout links.connection.fully_connected Maxout
        prelu trainable PReLU
        swish trainable Swish''',
    'links.connection': '''
        bias affine Bias
        bilinear fully_connected Bilinear
        convolution_2d convolution Convolution2D
        convolution_2d chainer.helpers _pair
        deconvolution_2d chainer.helpers _pair
        convolution_nd convolution ConvolutionND Convolution1D Convolution3D
        deconvolution_2d convolution Deconvolution2D
        deconvolution_nd convolution DeconvolutionND Deconvolution1D Deconvolution3D
        depthwise_convolution_2d convolution DepthwiseConvolution2D
        dilated_convolution_2d convolution DilatedConvolution2D
        embed_id embedding EmbedID
        inceptionbn inception InceptionBN
        linear fully_connected Linear
        mlp_convolution_2d convolution MLPConvolution2D
        scale affine Scale
        gru links.rnn.gru StatelessGRU StatefulGRU GRU
        lstm links.rnn.lstm StatelessLSTM LSTM
        mgu links.rnn.gru StatelessMGU StatefulMGU
        n_step_gru links.rnn.n_step NStepGRU NStepBiGRU
        n_step_lstm links.rnn.n_step NStepLSTM NStepBiLSTM
        n_step_rnn links.rnn.n_step NStepRNNTanh NStepRNNReLU NStepBiRNNTanh NStepBiRNNReLU
        n_step_rnn chainer.helpers argsort_list_descent permutate_list
        peephole links.rnn.lstm StatefulPeepholeLSTM
        tree_lstm links.rnn.tree_lstm ChildSumTreeLSTM NaryTreeLSTM
        zoneoutlstm links.rnn.lstm StatefulZoneoutLSTM''',
    'links.normalization': '''
        batch_normalization normalization BatchNormalization
        group_normalization normalization GroupNormalization
        layer_normalization normalization LayerNormalization''',
    'links.rnn': '''
        mgu gru StatelessMGU StatefulMGU
        n_step_gru n_step NStepGRU NStepBiGRU
        n_step_lstm n_step NStepLSTM NStepBiLSTM
        n_step_rnn n_step NStepRNNTanh NStepRNNReLU NStepBiRNNTanh NStepBiRNNReLU
        n_step_rnn chainer.helpers argsort_list_descent permutate_list
        peephole lstm StatefulPeepholeLSTM
        zoneoutlstm lstm StatefulZoneoutLSTM''',
    'optimizer_hooks': '''
        gradient_clipping gradient GradientClipping
        gradient_hard_clipping gradient GradientHardClipping
        gradient_lars gradient GradientLARS
        gradient_noise gradient exponential_decay_noise GradientNoise
        lasso regularization Lasso
        weight_decay regularization WeightDecay''',
    'optimizers': '''
        ada_delta adaptive AdaDeltaRule AdaDelta
        ada_grad adaptive AdaGradRule
        corrected_momentum_sgd sgd CorrectedMomentumSGDRule CorrectedMomentumSGD
        momentum_sgd sgd MomentumSGDRule MomentumSGD
        nesterov_ag sgd NesterovAGRule NesterovAG
        rmsprop adaptive RMSpropRule RMSprop
        rmsprop_graves adaptive RMSpropGravesRule RMSpropGraves
        smorms3 adaptive SMORMS3Rule SMORMS3
        ada_grad adaptive AdaGrad''',
    'training.extensions': '''
        _snapshot snapshot snapshot_object snapshot
        computational_graph dump_graph DumpGraph
        exponential_shift shift ExponentialShift
        fail_on_nonnumber inspection FailOnNonNumber
        inverse_shift shift InverseShift
        linear_shift shift LinearShift
        micro_average observe MicroAverage
        multistep_shift shift MultistepShift
        parameter_statistics inspection ParameterStatistics
        polynomial_shift shift PolynomialShift
        step_shift shift StepShift
        util progress_bar ProgressBar
        value_observation observe observe_value observe_lr
        variable_unchain observe unchain_variables
        warmup_shift shift WarmupShift''',
    'training.triggers': '''
        early_stopping_trigger early_stopping EarlyStoppingTrigger
        interval_trigger interval IntervalTrigger
        manual_schedule_trigger schedule ManualScheduleTrigger
        minmax_value_trigger best_value BestValueTrigger MaxValueTrigger MinValueTrigger
        once_trigger schedule OnceTrigger
        time_trigger schedule TimeTrigger''',
    'dataset': '''
        convert convert concat_examples_func=concat_examples''',
    'testing': '''
        function_link function_test FunctionTestError FunctionTestCase FunctionTestBase=BackendTestCase
        function_link link_test LinkTestError InitializerArgument LinkTestCase LinkInitializersTestCase''',
}


def _read() -> dict[str, list[tuple[str, str]]]:
    """For each path of Chainer, the names, and where they are."""
    result: dict[str, list[tuple[str, str]]] = {}
    for package, text in _PATHS.items():
        for line in text.split('\n'):
            name, where, *names = line.split() or ['', '']
            if name:
                path = f'{package}.{name}' if package else name
                where = where if '.' in where or not package else f'{package}.{where}'
                result.setdefault(path, []).extend((each, where.strip('.')) for each in names)
    return result


_NAMES = _read()


@cache
def make_module(path: str) -> ModuleType | None:
    """Makes a module that Chainer has; None if it has none of that path.

    Args:
        path: The dotted path below `chainer`.

    Returns:
        The module, whose names are those of autograd_nn.
    """
    if path not in _NAMES:
        return None
    module = ModuleType(f'chainer.{path}', f'What Chainer has in `chainer.{path}`.')
    complete(module, path)
    return module


def complete(module: ModuleType, path: str) -> None:
    """Gives a module the names that it has in Chainer and lacks here.

    Args:
        module: The module.
        path: Its dotted path below `chainer`.
    """
    for name, where in _NAMES.get(path, []):
        words = re.fullmatch(r'(\w+)(?:=(\w+))?(?:~(\w+))?', name)
        assert words is not None
        alias, real, function = words.groups()
        if alias not in vars(module):
            values = import_module(f'autograd_nn.{where}')
            value = getattr(values, real or alias) if real or not function else None
            setattr(module, alias, node_class(alias, getattr(values, function), value) if function else value)


class _OfOthers(type):
    """The class of classes whose instances are those of another one."""

    nodes: type | None = None

    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance) or (cls.nodes is not None and isinstance(instance, cls.nodes))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or (cls.nodes is not None and issubclass(subclass, cls.nodes))

    # In a table by classes of nodes, too, as those of programs that count operations are.
    def __eq__(cls, other: object) -> bool:
        return cls is other or (cls.nodes is not None and cls.nodes is getattr(other, 'nodes', other))

    def __hash__(cls) -> int:
        return super().__hash__() if cls.nodes is None else hash(cls.nodes)


def node_class(name: str, function: Callable[..., Any], nodes: type | None = None) -> type:
    """A class that is used as Chainer's node class is: made with the parameters, and called with the inputs.

    Args:
        name: The name of the class.
        function: What computes; it takes the inputs, and the parameters after them.
        nodes: A class of nodes of the graph, which pass for instances.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> node_class('MaxPooling2D', F.max_pooling_2d)(2)(np.ones((1, 1, 4, 4), 'f')).shape
        (1, 1, 2, 2)
    """
    names = list(inspect.signature(function).parameters)
    bias = names.index('b') if 'b' in names else None

    class Node(metaclass=_OfOthers):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            # The inputs know their number of axes; and averages are over all that is there, whatever `cover_all` says.
            self.args = args[name.endswith('ND'):][:len(names) - 1]
            self.kwargs = {key: value for key, value in kwargs.items()
                           if key not in ('ndim', 'cover_all') or key in names}
            self.inputs: tuple[Any, ...] | None = None

        def __call__(self, *inputs: Any) -> Any:
            if bias is not None and len(inputs) == bias:
                inputs = *inputs, None
            self.inputs = (inputs,) if names[0] == 'xs' else inputs
            return function(*self.inputs, *self.args, **self.kwargs)

        def apply(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            outputs = self(*inputs)
            return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)

        @property
        def indexes(self) -> Any:
            """Where the maxima are that pooling has found."""
            if self.inputs is None or 'return_indices' not in names:
                raise AttributeError(f'{name} has no indexes')
            return function(*self.inputs, *self.args, **{**self.kwargs, 'return_indices': True})[1]

    Node.__name__ = Node.__qualname__ = name
    Node.__doc__ = f'Does what `{function.__name__}` does, of inputs that are given to `apply`.'
    Node.nodes = nodes
    return Node


@cache
def class_of(name: str, function: Callable[..., Any]) -> type:
    """The class that did in Chainer what a function does; the nodes of the function are its instances.

    Args:
        name: Its name.
        function: A function of the package `functions`.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> y = F.relu(ann.Variable(np.ones(2)))
        >>> isinstance(y.creator, class_of('ReLU', F.relu)), isinstance(y.creator, class_of('Sigmoid', F.sigmoid))
        (True, False)
    """
    path = next((path for path, names in _NAMES.items() if path.startswith('functions.')
                 and any(re.match(rf'{name}\b', each) for each, _ in names)), None)
    found = getattr(import_module(f'chainer.{path}' if path else function.__module__), name, None)
    return found if isinstance(found, _OfOthers) else node_class(name, function, found)


def offer_attributes(others: Iterable[str] = ()) -> None:
    """Lets packages have the modules as attributes, which Chainer imports all at once.

    Args:
        others: Dotted paths of modules, below `chainer`, that somebody else makes.
    """
    for path in [*_NAMES, *others]:
        package, _, name = path.rpartition('.')
        real = f'autograd_nn.{package}'
        if real in sys.modules:
            vars(sys.modules[real]).setdefault('__path__', [])
            defer(real, f'chainer.{path}', [name])
