"""What PyTorch and Keras call things, and what they are called here: data of `hints`.

Names of modules are in lower case and without underscores. What is no name is a sentence that answers.
"""
from __future__ import annotations

_MODES = "the mode is global: with autograd_nn.using_config('train', False): ... is for inference"
_ARRAYS = 'arrays are made by NumPy or CuPy: autograd_nn.Variable(numpy.zeros(...))'
_LOOP = ('autograd_nn.compile(model, optimizer, loss) has it, and so have autograd_nn.Model and Sequential; '
         'see also autograd_nn.training.Trainer')
_GRADIENTS = 'model.cleargrads() forgets gradients; optimizer.update(lossfun, ...) does so by itself'
_LOADERS = 'an iterator makes the batches: autograd_nn.iterators.SerialIterator, MultiprocessIterator'
_PADDED = 'sequences are lists of arrays of any lengths'


def _dimensions(ours: str, *theirs: str) -> dict[str, str]:
    return {f'{their}{n}d': ours.format(n) for their in theirs for n in (1, 2, 3)}


ROOT = {
    'tensor': 'here it is autograd_nn.Variable', 'module': 'here it is autograd_nn.Chain',
    'modulelist': 'here it is autograd_nn.ChainList',
    'nn': 'layers are in autograd_nn.links, functions in autograd_nn.functions',
    'layers': 'here they are autograd_nn.links', 'optim': 'here they are autograd_nn.optimizers',
    'nograd': 'here it is autograd_nn.no_backprop_mode()',
    'inferencemode': "here it is autograd_nn.no_backprop_mode() with autograd_nn.using_config('train', False)",
    'manualseed': 'here it is autograd_nn.random.seed', 'save': 'see autograd_nn.serializers.save_npz',
    'load': 'see autograd_nn.serializers.load_npz', 'isgradenabled': 'here it is autograd_nn.config.enable_backprop',
    'autograd': 'see autograd_nn.grad and Variable.backward', 'checkpoint': 'here it is autograd_nn.functions.forget',
    'models': 'it is loaded when it is asked for: import autograd_nn.models',
    'caffe': 'it is loaded when it is asked for: import autograd_nn.caffe',
    **dict.fromkeys(['zeros', 'ones', 'rand', 'randn', 'randint', 'arange', 'linspace', 'empty', 'full', 'eye',
                     'fromnumpy', 'float32', 'float64', 'float16', 'int64', 'int32', 'long'], _ARRAYS),
}
FUNCTIONS = {
    **_dimensions('convolution_{}d', 'conv'), **_dimensions('deconvolution_{}d', 'convtranspose', 'deconv'),
    **_dimensions('max_pooling_{}d', 'maxpool'),
    **_dimensions('average_pooling_{}d', 'avgpool'), **_dimensions('batch_normalization', 'batchnorm'),
    **_dimensions('unpooling_{}d', 'maxunpool'),
    **_dimensions('the mean over the image, autograd_nn.functions.mean(x, axis=(2, 3)), is what most need',
                  'adaptiveavgpool', 'globalaveragepooling'),
    'conv2dtranspose': 'deconvolution_2d', 'depthwiseconv2d': 'depthwise_convolution_2d', 'dense': 'linear',
    'batchnorm': 'batch_normalization', 'layernorm': 'layer_normalization', 'groupnorm': 'group_normalization',
    'localresponsenorm': 'local_response_normalization', 'embedding': 'embed_id', 'unfold': 'im2col',
    'interpolate': 'resize_images', 'upsample': 'resize_images', 'pixelshuffle': 'depth2space',
    'crossentropy': 'softmax_cross_entropy', 'crossentropyloss': 'softmax_cross_entropy',
    'categoricalcrossentropy': 'softmax_cross_entropy', 'sparsecategoricalcrossentropy': 'softmax_cross_entropy',
    'nllloss': 'softmax_cross_entropy does log_softmax and this in one',
    'binarycrossentropy': 'sigmoid_cross_entropy does sigmoid and this in one',
    'bceloss': 'sigmoid_cross_entropy does sigmoid and this in one',
    'binarycrossentropywithlogits': 'sigmoid_cross_entropy', 'bcewithlogitsloss': 'sigmoid_cross_entropy',
    'mseloss': 'mean_squared_error', 'mse': 'mean_squared_error', 'l1loss': 'mean_absolute_error',
    'mae': 'mean_absolute_error', 'smoothl1loss': 'huber_loss', 'huber': 'huber_loss',
    'tripletmarginloss': 'triplet', 'hingeembeddingloss': 'hinge', 'gaussiannllloss': 'gaussian_nll',
    'silu': 'swish', 'hardtanh': 'here it is clip(x, -1., 1.)',
    'cat': 'concat', 'concatenate': 'concat', 'chunk': 'split_axis', 'split': 'split_axis', 'unbind': 'separate',
    'unsqueeze': 'expand_dims', 'permute': 'transpose', 'view': 'reshape', 'clamp': 'clip', 'abs': 'absolute',
    'mm': 'matmul', 'bmm': 'matmul', 'dot': 'matmul', 'gather': 'select_item', 'indexselect': 'get_item',
    'expand': 'broadcast_to', 'clone': 'copy', 'detach': 'Variable(x.array) is outside of the graph',
    'norm': 'it is sqrt(sum(x ** 2)); see batch_l2_norm_squared',
    'multiheadattentionforward': 'scaled_dot_product_attention', 'topk': 'numpy.argsort(x.array) finds the places',
}
LINKS = {
    **_dimensions('Convolution{}D', 'conv'), **_dimensions('Deconvolution{}D', 'convtranspose', 'deconv'),
    **_dimensions('BatchNormalization', 'batchnorm'),
    **_dimensions('GroupNormalization with a group for each channel is that', 'instancenorm'),
    'conv2dtranspose': 'Deconvolution2D', 'depthwiseconv2d': 'DepthwiseConvolution2D', 'dense': 'Linear',
    'embedding': 'EmbedID', 'batchnorm': 'BatchNormalization', 'layernorm': 'LayerNormalization',
    'groupnorm': 'GroupNormalization', 'rnn': 'NStepRNNTanh', 'simplernn': 'NStepRNNTanh',
    'rnncell': 'functions.rnn and a Linear layer make one', 'lstmcell': 'StatelessLSTM', 'grucell': 'StatelessGRU',
    'bidirectional': 'see NStepBiLSTM and NStepBiGRU', 'sequential': 'here it is autograd_nn.Sequential',
    'modulelist': 'here it is autograd_nn.ChainList', 'moduledict': 'here it is autograd_nn.Chain',
    'module': 'here it is autograd_nn.Chain', 'layer': 'here it is autograd_nn.Link',
    'lambda': 'autograd_nn.Sequential takes any function as a layer',
    'input': 'here it is autograd_nn.Input; layers find the size of their input when they are called first',
    'flatten': 'links.Linear takes inputs of any number of axes; otherwise see autograd_nn.functions.reshape',
}
OPTIMIZERS = {
    'momentum': 'MomentumSGD', 'nesterov': 'NesterovAG', 'nag': 'NesterovAG',
    'lrscheduler': 'see the shifts in autograd_nn.training.extensions, such as CosineShift',
    'schedules': 'see the shifts in autograd_nn.training.extensions, such as CosineShift',
    'clipgradnorm': 'here it is optimizer.add_hook(autograd_nn.optimizer_hooks.GradientClipping(threshold))',
}
OPTIMIZER_HOOKS = {'clipgradnorm': 'GradientClipping', 'clipgradvalue': 'GradientHardClipping', 'l2': 'WeightDecay',
                   'l1': 'Lasso'}
INITIALIZERS = {
    'xavieruniform': 'GlorotUniform', 'xaviernormal': 'GlorotNormal', 'kaiminguniform': 'HeUniform',
    'kaimingnormal': 'HeNormal', 'zeros': 'Zero', 'ones': 'One', 'eye': 'Identity', 'dirac': 'Identity',
    'randomnormal': 'Normal', 'randomuniform': 'Uniform',
}
SERIALIZERS = {'save': 'save_npz', 'load': 'load_npz', 'saveweights': 'save_npz', 'loadweights': 'load_npz',
               'statedict': 'save_npz writes a link; load_state_dict reads the weights of PyTorch'}
DATASETS = {
    'mnist': 'get_mnist', 'fashionmnist': 'get_fashion_mnist', 'cifar10': 'get_cifar10', 'cifar100': 'get_cifar100',
    'imagefolder': 'ImageFolderDataset', 'tensordataset': 'TupleDataset', 'concatdataset': 'ConcatenatedDataset',
    'subset': 'SubDataset', 'randomsplit': 'split_dataset_random', 'dataloader': _LOADERS,
    'dataset': 'here it is autograd_nn.dataset.DatasetMixin',
}
ITERATORS = {'dataloader': _LOADERS}
CUDA = {'isavailable': 'here it is autograd_nn.cuda.available', 'manualseed': 'here it is autograd_nn.random.seed',
        'devicecount': 'here it is cupy.cuda.runtime.getDeviceCount()'}
TRAINING = {'dataloader': _LOADERS, 'fit': _LOOP, 'compile': 'here it is autograd_nn.compile'}
EXTENSIONS = {
    'earlystopping': "here it is autograd_nn.training.triggers.EarlyStoppingTrigger, and 'early_stopping' for fit",
    'modelcheckpoint': 'snapshot',
    'csvlogger': 'LogReport', 'tqdm': 'ProgressBar', 'steplr': 'StepShift', 'multisteplr': 'MultistepShift',
    'exponentiallr': 'ExponentialShift', 'cosineannealinglr': 'CosineShift', 'linearlr': 'LinearShift',
    'polynomiallr': 'PolynomialShift', 'learningratescheduler': 'see the shifts, such as CosineShift',
}
VARIABLE = {
    'detach': 'x.array is the array alone, Variable(x.array) one outside of the graph; x.unchain_backward() cuts the '
              'graph behind x',
    'numpy': 'x.array is the NumPy or CuPy array; numpy.asarray(x) is always NumPy\'s',
    'cpu': 'x.to_cpu() moves it in place', 'cuda': 'x.to_gpu() moves it in place',
    'to': "x.to_device('cuda:0') moves it in place, x.astype(dtype) converts",
    'view': 'here it is x.reshape(...)', 'permute': 'here it is x.transpose(...)', 't': 'here it is x.T',
    'unsqueeze': 'here it is autograd_nn.functions.expand_dims(x, axis)', 'dim': 'here it is x.ndim',
    'numel': 'here it is x.size', 'clone': 'here it is autograd_nn.functions.copy(x, x.device)',
    'contiguous': 'arrays may have any strides here',
    'expand': 'here it is autograd_nn.functions.broadcast_to(x, shape)',
    'repeat': 'here it is autograd_nn.functions.tile(x, reps)', 'tolist': 'here it is x.array.tolist()',
    'requires_grad_': 'set x.requires_grad', 'retain_grad': 'here it is y.backward(retain_grad=True)',
    'grad_fn': 'here it is x.creator', 'is_leaf': 'it is x.creator is None', 'zero_grad': 'here it is x.cleargrad()',
    'register_hook': 'a FunctionHook sees what functions compute', 'assign': 'here it is x.array[...] = value',
    **{name: f"here it is x.astype('{dtype}')" for name, dtype in (
        ('float', 'float32'), ('half', 'float16'), ('double', 'float64'), ('long', 'int64'), ('int', 'int32'))},
    **{name: f'here it is autograd_nn.functions.{name}(x)' for name in (
        'exp', 'log', 'sqrt', 'tanh', 'sigmoid', 'relu', 'softmax', 'log_softmax', 'argmax', 'argmin', 'prod', 'std',
        'var', 'sin', 'cos', 'cumsum')},
    'abs': 'here it is abs(x)', 'pow': 'here it is x ** y', 'matmul': 'here it is x @ y', 'mm': 'here it is x @ y',
    'clamp': 'here it is autograd_nn.functions.clip(x, low, high)',
    'chunk': 'here it is autograd_nn.functions.split_axis(x, parts, axis)',
}
LINK = {
    'train': "the mode is global: autograd_nn.config.train is True but within autograd_nn.using_config('train', False)",
    'eval': _MODES, 'training': 'the mode is global: autograd_nn.config.train',
    'cpu': 'here it is model.to_cpu()', 'cuda': 'here it is model.to_gpu()',
    'to': "here it is model.to_device('cuda:0')", 'half': "see autograd_nn.global_config.dtype",
    'parameters': 'here it is model.params()', 'named_parameters': 'here it is model.namedparams()',
    'trainable_variables': 'here it is model.params()', 'trainable_weights': 'here it is model.params()',
    'modules': 'here it is model.links()', 'named_modules': 'here it is model.namedlinks()',
    'state_dict': 'autograd_nn.serializers.save_npz(path, model) saves it',
    'load_state_dict': 'autograd_nn.serializers.load_npz(path, model) loads it; '
                       'autograd_nn.serializers.load_state_dict takes the weights of PyTorch',
    'save_weights': 'here it is autograd_nn.serializers.save_npz(path, model)',
    'load_weights': 'here it is autograd_nn.serializers.load_npz(path, model)',
    'zero_grad': _GRADIENTS, 'requires_grad_': 'here it is model.freeze() or model.unfreeze()',
    'register_buffer': 'here it is model.add_persistent(name, value)',
    'register_parameter': 'here it is model.add_param(name, shape)',
    'add_module': 'here it is model.add_link(name, link)',
    'register_forward_hook': 'here it is model.add_hook(hook), with a LinkHook',
    **dict.fromkeys(['fit', 'train_on_batch', 'test_on_batch'], _LOOP),
    'compile': 'here it is autograd_nn.compile(model, optimizer, loss)',
    'evaluate': f'{_LOOP} and extensions.Evaluator',
    'predict': f'autograd_nn.compile(model).predict(x) does, or call the model itself; {_MODES}',
    'save': 'autograd_nn.serializers.save_npz(path, model) saves the weights, autograd_nn.save_model a whole network',
    'summary': 'here it is autograd_nn.summary(model, input_shape)',
}
OPTIMIZER = {
    'step': 'here it is optimizer.update(), or optimizer.update(model, x, t), which computes the gradients, too',
    'zero_grad': _GRADIENTS, 'minimize': 'here it is optimizer.update(lossfun, ...)',
    'param_groups': 'optimizer.hyperparam holds for all parameters, param.update_rule.hyperparam for one',
    'state_dict': 'autograd_nn.serializers.save_npz(path, optimizer) saves it',
    'load_state_dict': 'autograd_nn.serializers.load_npz(path, optimizer) loads it',
}
# For each keyword argument the names that it may have here, with a remark perhaps; and what to say if it has none.
ARGUMENTS = {
    'dim': ('axis',), 'keepdim': ('keepdims',), 'kernel_size': ('ksize',), 'pool_size': ('ksize',),
    'padding': ('pad',), 'dilation': ('dilate',), 'dilation_rate': ('dilate',), 'strides': ('stride',),
    'ceil_mode': ('cover_all',), 'count_include_pad': ('pad_value',), 'padding_idx': ('ignore_label',),
    **dict.fromkeys(['bias', 'use_bias'], ('nobias, which is the opposite', 'there is always a bias')),
    'in_features': ('in_size',), 'out_features': ('out_size',), 'units': ('out_size',), 'filters': ('out_channels',),
    'input_size': ('in_size',), 'input_dim': ('in_size',), 'hidden_size': ('out_size',), 'output_dim': ('out_size',),
    'num_layers': ('n_layers',), 'num_embeddings': ('in_size',), 'embedding_dim': ('out_size',),
    'num_features': ('size',), 'num_channels': ('size',), 'normalized_shape': ('size',), 'num_groups': ('groups',),
    'momentum': ("decay, which is 1 - PyTorch's momentum", 'MomentumSGD is the optimizer that has it'),
    'epsilon': ('eps',), 'affine': ('use_gamma', 'scale and shift are always there'),
    'bidirectional': ('the links NStepBi... are',),
    'batch_first': (_PADDED,), 'return_sequences': (_PADDED,), 'training': (_MODES,), 'is_training': (_MODES,),
    'activation': ('apply a function such as autograd_nn.functions.relu to what it returns',),
    'kernel_initializer': ('initialW',), 'bias_initializer': ('initial_bias', 'initialb'),
    'kernel_regularizer': ('here it is optimizer.add_hook(autograd_nn.optimizer_hooks.WeightDecay(rate))',),
    'input_shape': ('sizes of inputs are found when the layer is called first',),
    'device': ('move it afterwards, with to_device',), 'dtype': ('see autograd_nn.global_config.dtype',),
    'p': ('ratio',), 'rate': ('ratio',), 'negative_slope': ('slope',), 'inplace': ('leave it out',),
    'reduction': ('reduce',), 'ignore_index': ('ignore_label',), 'weight': ('class_weight', 'W'),
    'label_smoothing': ('targets that are floats are distributions',), 'retain_graph': (
        'the graph stays as long as y does: leave it out',),
    'create_graph': ('enable_double_backprop',), 'params': ('here it is optimizer.setup(model)',),
    'lr': ('alpha',), 'learning_rate': ('lr', 'alpha'), 'beta_1': ('beta1',), 'beta_2': ('beta2',),
    'betas': ('here they are beta1 and beta2',), 'rho': ('alpha', 'rho'), 'clipnorm': (
        'here it is optimizer.add_hook(autograd_nn.optimizer_hooks.GradientClipping(threshold))',),
    'weight_decay': ('weight_decay_rate',
                     'here it is optimizer.add_hook(autograd_nn.optimizer_hooks.WeightDecay(rate))'),
    'nesterov': ('here it is autograd_nn.optimizers.NesterovAG',), 'num_workers': ('n_processes', 'n_threads'),
}
