"""The order, the names and the defaults of arguments are those that Chainer's reference documents."""
import inspect

import pytest

import autograd_nn as chainer

# Name, then the arguments as documented; `any_function` stands for a default that is a function.
FUNCTIONS = '''
accuracy(y, t, ignore_label=None)
add(*xs)
argmax(x, axis=None)
argmin(x, axis=None)
average(x, axis=None, weights=None, keepdims=False)
average_pooling_1d(x, ksize, stride=None, pad=0, pad_value=0)
average_pooling_2d(x, ksize, stride=None, pad=0)
average_pooling_3d(x, ksize, stride=None, pad=0, pad_value=0)
average_pooling_nd(x, ksize, stride=None, pad=0, pad_value=0)
batch_inv(a)
batch_l2_norm_squared(x)
batch_matmul(a, b, transa=False, transb=False)
batch_normalization(x, gamma, beta, eps=2e-5, running_mean=None, running_var=None, decay=0.9, axis=None)
bernoulli_nll(x, y, reduce='sum')
bias(x, y, axis=1)
bilinear(e1, e2, W, V1=None, V2=None, b=None)
binary_accuracy(y, t)
broadcast(*args)
broadcast_to(x, shape)
cast(x, typ)
classification_summary(y, t, label_num=None, beta=1.0, ignore_label=-1)
clip(x, x_min, x_max)
clipped_relu(x, z=20.0)
concat(xs, axis=1)
contrastive(x0, x1, y, margin=1, reduce='mean')
convolution_1d(x, W, b=None, stride=1, pad=0, cover_all=False, dilate=1, groups=1)
convolution_2d(x, W, b=None, stride=1, pad=0, cover_all=False, *, dilate=1, groups=1)
convolution_3d(x, W, b=None, stride=1, pad=0, cover_all=False, dilate=1, groups=1)
convolution_nd(x, W, b=None, stride=1, pad=0, cover_all=False, dilate=1, groups=1)
copy(x, dst)
crelu(x, axis=1)
cumprod(x, axis=None)
cumsum(x, axis=None)
deconvolution_2d(x, W, b=None, stride=1, pad=0, outsize=None, *, dilate=1, groups=1)
deconvolution_nd(x, W, b=None, stride=1, pad=0, outsize=None, dilate=1, groups=1)
depth2space(X, r)
depthwise_convolution_2d(x, W, b=None, stride=1, pad=0)
det(a)
diagonal(x, offset=0, axis1=0, axis2=1)
dilated_convolution_2d(x, W, b=None, stride=1, pad=0, dilate=1, cover_all=False)
dropout(x, ratio=.5, *, mask=None, return_mask=False)
dstack(xs)
einsum(*operands)
elu(x, alpha=1.0)
embed_id(x, W, ignore_label=None)
expand_dims(x, axis)
f1_score(y, t, label_num=None, ignore_label=-1)
fixed_batch_normalization(x, gamma, beta, mean, var, eps=2e-5, axis=None)
flatten(x)
flip(x, axis)
fliplr(a)
flipud(a)
fmod(x, divisor)
forget(func, *xs)
gaussian(mean, ln_var, *, eps=None, return_eps=False)
gaussian_kl_divergence(mean, ln_var, reduce='sum')
gaussian_nll(x, mean, ln_var, reduce='sum')
get_item(x, slices)
group_normalization(x, groups, gamma, beta, eps=1e-5)
gumbel_softmax(log_pi, tau=0.1, axis=1)
hard_sigmoid(x)
hinge(x, t, norm='L1', reduce='mean')
hstack(xs)
huber_loss(x, t, delta, reduce='sum_along_second_axis')
im2col(x, ksize, stride=1, pad=0, cover_all=False, dilate=1)
layer_normalization(x, gamma, beta, eps=1e-5)
leaky_relu(x, slope=0.2)
linear(x, W, b=None, n_batch_axes=1)
linear_interpolate(p, x, y)
local_response_normalization(x, n=5, k=2, alpha=1e-4, beta=.75)
log_softmax(x, axis=1)
logsumexp(x, axis=None)
lstm(c_prev, x)
matmul(a, b, transa=False, transb=False)
max(x, axis=None, keepdims=False)
max_pooling_1d(x, ksize, stride=None, pad=0, cover_all=True, return_indices=False)
max_pooling_2d(x, ksize, stride=None, pad=0, cover_all=True, return_indices=False)
max_pooling_3d(x, ksize, stride=None, pad=0, cover_all=True, return_indices=False)
max_pooling_nd(x, ksize, stride=None, pad=0, cover_all=True, return_indices=False)
maximum(x1, x2)
maxout(x, pool_size, axis=1)
mean_absolute_error(x0, x1)
mean_squared_error(x0, x1)
min(x, axis=None, keepdims=False)
minimum(x1, x2)
moveaxis(x, source, destination)
n_step_bigru(n_layers, dropout_ratio, hx, ws, bs, xs)
n_step_bilstm(n_layers, dropout_ratio, hx, cx, ws, bs, xs)
n_step_birnn(n_layers, dropout_ratio, hx, ws, bs, xs, activation='tanh')
n_step_gru(n_layers, dropout_ratio, hx, ws, bs, xs)
n_step_lstm(n_layers, dropout_ratio, hx, cx, ws, bs, xs)
n_step_rnn(n_layers, dropout_ratio, hx, ws, bs, xs, activation='tanh')
normalize(x, eps=1e-5, axis=1)
pad(x, pad_width, mode, **keywords)
pad_sequence(xs, length=None, padding=0)
permutate(x, indices, axis=0, inv=False)
precision(y, t, label_num=None, ignore_label=-1)
prelu(x, W)
prod(x, axis=None, keepdims=False)
r2_score(pred, true, sample_weight=None, multioutput='uniform_average')
recall(y, t, label_num=None, ignore_label=-1)
relu(x)
repeat(x, repeats, axis=None)
reshape(x, shape)
resize_images(x, output_shape, *, mode='bilinear', align_corners=True)
rollaxis(x, axis, start=0)
rrelu(x, l=1. / 8, u=1. / 3, *, r=None, return_r=False)
scale(x, y, axis=1)
scatter_add(a, slices, b)
select_item(x, t)
selu(x, alpha=1.6732632423543772, scale=1.0507009873554805)
separate(x, axis=0)
sigmoid_cross_entropy(x, t, normalize=True, reduce='mean')
slstm(c_prev1, c_prev2, x1, x2)
softmax(x, axis=1)
softmax_cross_entropy(x, t, normalize=True, cache_score=True, class_weight=None, ignore_label=-1, reduce='mean', \
enable_double_backprop=False, soft_target_loss='cross-entropy')
softplus(x, beta=1.0)
space2depth(X, r)
split_axis(x, indices_or_sections, axis, force_tuple=True)
squared_difference(x1, x2)
squared_error(x0, x1)
squeeze(x, axis=None)
stack(xs, axis=0)
sum(x, axis=None, keepdims=False)
sum_to(x, shape)
swapaxes(x, axis1, axis2)
swish(x, beta)
tensordot(a, b, axes=2)
tile(x, reps)
transpose(x, axes=None)
transpose_sequence(xs)
tree_lstm(*inputs)
triplet(anchor, positive, negative, margin=0.2, reduce='mean')
unpooling_2d(x, ksize, stride=None, pad=0, outsize=None, cover_all=True)
upsampling_2d(x, indexes, ksize, stride=None, pad=0, outsize=None, cover_all=True)
vstack(xs)
where(condition, x, y)
zoneout(h, x, ratio=.5)
'''

LINKS = '''
BatchNormalization(size=None, decay=0.9, eps=2e-5, dtype=None, use_gamma=True, use_beta=True, initial_gamma=None, \
initial_beta=None, axis=None, initial_avg_mean=None, initial_avg_var=None)
Bias(axis=1, shape=None)
Bilinear(left_size, right_size, out_size, nobias=False, initialW=None, initial_bias=None)
ChildSumTreeLSTM(in_size, out_size)
Classifier(predictor, lossfun=any_function, accfun=any_function, label_key=-1)
Convolution2D(in_channels, out_channels, ksize=None, stride=1, pad=0, nobias=False, initialW=None, \
initial_bias=None, *, dilate=1, groups=1)
ConvolutionND(ndim, in_channels, out_channels, ksize=None, stride=1, pad=0, nobias=False, initialW=None, \
initial_bias=None, cover_all=False, dilate=1, groups=1)
Deconvolution2D(in_channels, out_channels, ksize=None, stride=1, pad=0, nobias=False, outsize=None, initialW=None, \
initial_bias=None, *, dilate=1, groups=1)
DeconvolutionND(ndim, in_channels, out_channels, ksize=None, stride=1, pad=0, nobias=False, outsize=None, \
initialW=None, initial_bias=None, dilate=1, groups=1)
DepthwiseConvolution2D(in_channels, channel_multiplier, ksize, stride=1, pad=0, nobias=False, initialW=None, \
initial_bias=None)
DilatedConvolution2D(in_channels, out_channels, ksize=None, stride=1, pad=0, dilate=1, nobias=False, initialW=None, \
initial_bias=None)
EmbedID(in_size, out_size, initialW=None, ignore_label=None)
GRU(in_size, out_size, init=None, inner_init=None, bias_init=0)
GoogLeNet(pretrained_model='auto')
GroupNormalization(groups, size=None, eps=1e-5, initial_gamma=None, initial_beta=None)
Inception(in_channels, out1, proj3, out3, proj5, out5, proj_pool, conv_init=None, bias_init=None)
InceptionBN(in_channels, out1, proj3, out3, proj33, out33, pooltype, proj_pool=None, stride=1, conv_init=None, \
dtype=None)
LSTM(in_size, out_size=None, lateral_init=None, upward_init=None, bias_init=None, forget_bias_init=None)
LayerNormalization(size=None, eps=1e-6, initial_gamma=None, initial_beta=None)
Linear(in_size, out_size=None, nobias=False, initialW=None, initial_bias=None)
MLPConvolution2D(in_channels, out_channels, ksize=None, stride=1, pad=0, activation=any_function, conv_init=None, \
bias_init=None)
Maxout(in_size, out_size, pool_size, initialW=None, initial_bias=0)
NStepBiGRU(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NStepBiLSTM(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NStepBiRNNReLU(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NStepBiRNNTanh(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NStepGRU(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NStepLSTM(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NStepRNNReLU(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NStepRNNTanh(n_layers, in_size, out_size, dropout, *, initialW=None, initial_bias=None)
NaryTreeLSTM(in_size, out_size, n_ary=2)
PReLU(shape=(), init=0.25)
Parameter(array)
ResNet101Layers(pretrained_model='auto', downsample_fb=False)
ResNet152Layers(pretrained_model='auto', downsample_fb=False)
ResNet50Layers(pretrained_model='auto', downsample_fb=False)
Scale(axis=1, W_shape=None, bias_term=False, bias_shape=None)
StatefulGRU(in_size, out_size, init=None, inner_init=None, bias_init=0)
StatefulMGU(in_size, out_size)
StatefulPeepholeLSTM(in_size, out_size)
StatefulZoneoutLSTM(in_size, out_size, c_ratio=0.5, h_ratio=0.5)
StatelessGRU(in_size, out_size, init=None, inner_init=None, bias_init=None)
StatelessLSTM(in_size, out_size=None, lateral_init=None, upward_init=None, bias_init=None, forget_bias_init=None)
StatelessMGU(n_inputs, n_units)
Swish(beta_shape, beta_init=1.0)
VGG16Layers(pretrained_model='auto')
VGG19Layers(pretrained_model='auto')
'''

INITIALIZERS = '''
Constant(fill_value, dtype=None)
GlorotNormal(scale=1.0, dtype=None, **kwargs)
GlorotUniform(scale=1.0, dtype=None, **kwargs)
HeNormal(scale=1.0, dtype=None, fan_option='fan_in', **kwargs)
HeUniform(scale=1.0, dtype=None, **kwargs)
Identity(scale=1.0, dtype=None)
LeCunNormal(scale=1.0, dtype=None, **kwargs)
LeCunUniform(scale=1.0, dtype=None, **kwargs)
NaN(dtype=None)
Normal(scale=0.05, dtype=None, **kwargs)
One(dtype=None)
Orthogonal(scale=1.1, dtype=None, mode='auto', **kwargs)
Uniform(scale=0.05, dtype=None, **kwargs)
Zero(dtype=None)
'''

OPTIMIZERS = '''
AMSBound(alpha=0.001, beta1=0.9, beta2=0.999, final_lr=0.1, gamma=0.001, eps=1e-8, eta=1.0)
AMSGrad(alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, eta=1.0)
AdaBound(alpha=0.001, beta1=0.9, beta2=0.999, final_lr=0.1, gamma=0.001, eps=1e-8, eta=1.0)
AdaDelta(rho=0.95, eps=1e-6)
AdaGrad(lr=0.001, eps=1e-8)
Adam(alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, eta=1.0, weight_decay_rate=0, amsgrad=False, adabound=False, \
final_lr=0.1, gamma=0.001)
AdamW(alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, eta=1.0, weight_decay_rate=0)
CorrectedMomentumSGD(lr=0.01, momentum=0.9)
MomentumSGD(lr=0.01, momentum=0.9)
NesterovAG(lr=0.01, momentum=0.9)
RMSprop(lr=0.01, alpha=0.99, eps=1e-8, eps_inside_sqrt=False)
RMSpropGraves(lr=1e-4, alpha=0.95, momentum=0.9, eps=1e-4)
SGD(lr=0.01)
SMORMS3(lr=0.001, eps=1e-16)
'''

HOOKS = '''
GradientClipping(threshold)
GradientHardClipping(lower_bound, upper_bound)
GradientLARS(threshold=1e-2, weight_decay=0.0, eps=1e-9)
GradientNoise(eta, noise_func=any_function)
Lasso(rate)
WeightDecay(rate)
'''

EXTENSIONS = '''
DumpGraph(root_name, filename=None, variable_style=None, function_style=None)
Evaluator(iterator, target, converter=any_function, device=None, eval_hook=None, eval_func=None, *, progress_bar=False)
ExponentialShift(attr, rate, init=None, target=None, optimizer=None)
FailOnNonNumber()
InverseShift(attr, gamma, power, init=None, target=None, optimizer=None)
LinearShift(attr, value_range, time_range, optimizer=None)
LogReport(keys=None, trigger=(1, 'epoch'), postprocess=None, filename='log')
MicroAverage(numerator_key, denominator_key, result_key, trigger=(1, 'epoch'))
MultistepShift(attr, gamma, step_value, init, optimizer=None)
ParameterStatistics(links, statistics='default', report_params=True, report_grads=True, prefix=None, \
trigger=(1, 'epoch'), skip_nan_params=False)
PlotReport(y_keys, x_key='iteration', trigger=(1, 'epoch'), postprocess=None, filename='plot.png', marker='x', \
grid=True)
PolynomialShift(attr, rate, max_count, init=None, target=None, optimizer=None)
PrintReport(entries, log_report='LogReport', out=None)
StepShift(attr, gamma, step, init=None, target=None, optimizer=None)
WarmupShift(attr, warmup_start, warmup_iter, init, optimizer=None)
observe_lr(optimizer_name='main', observation_key='lr')
observe_value(observation_key, target_func)
snapshot(savefun=None, filename='snapshot_iter_{.updater.iteration}', *, target=None, condition=None, writer=None, \
snapshot_on_error=False, n_retains=-1, autoload=False)
snapshot_object(target, filename, savefun=None, *, condition=None, writer=None, snapshot_on_error=False, n_retains=-1, \
autoload=False)
'''

TRIGGERS = '''
BestValueTrigger(key, compare, trigger=(1, 'epoch'))
EarlyStoppingTrigger(check_trigger=(1, 'epoch'), monitor='main/loss', patience=3, mode='auto', verbose=False, \
max_trigger=(100, 'epoch'))
IntervalTrigger(period, unit)
ManualScheduleTrigger(points, unit)
MaxValueTrigger(key, trigger=(1, 'epoch'))
MinValueTrigger(key, trigger=(1, 'epoch'))
OnceTrigger(call_on_resume=False)
TimeTrigger(period)
'''

ITERATORS = '''
MultiprocessIterator(dataset, batch_size, repeat=True, shuffle=None, n_processes=None, n_prefetch=1, shared_mem=None, \
order_sampler=None, dataset_timeout=30.0, maxtasksperchild=None)
MultithreadIterator(dataset, batch_size, repeat=True, shuffle=None, n_threads=1, order_sampler=None)
SerialIterator(dataset, batch_size, repeat=True, shuffle=None, order_sampler=None)
ShuffleOrderSampler(random_state=None)
'''

DATASETS = '''
ConcatenatedDataset(*datasets)
DictDataset(**datasets)
ImageDataset(paths, root='.', dtype=None)
LabeledImageDataset(pairs, root='.', dtype=None, label_dtype=numpy.int32)
SubDataset(dataset, start, finish, order=None)
TransformDataset(dataset, transform)
TupleDataset(*datasets)
get_cifar10(withlabel=True, ndim=3, scale=1., dtype=None)
get_cifar100(withlabel=True, ndim=3, scale=1., dtype=None)
get_cross_validation_datasets(dataset, n_folds, order=None)
get_cross_validation_datasets_random(dataset, n_folds, seed=None)
get_fashion_mnist(withlabel=True, ndim=1, scale=1., dtype=None, label_dtype=numpy.int32, rgb_format=False)
get_mnist(withlabel=True, ndim=1, scale=1., dtype=None, label_dtype=numpy.int32, rgb_format=False)
split_dataset(dataset, split_at, order=None)
split_dataset_n(dataset, n, order=None)
split_dataset_n_random(dataset, n, seed=None)
split_dataset_random(dataset, first_size, seed=None)
'''

REST = '''
dataset.concat_examples(batch, device=None, padding=None)
function_hooks.PrintHook(sep=None, end='\\n', file=None, flush=True)
grad(outputs, inputs, grad_outputs=None, grad_inputs=None, set_grad=False, retain_grad=False, \
enable_double_backprop=False, loss_scale=None)
gradient_check.check_backward(func, x_data, y_grad, params=(), eps=1e-3, atol=1e-5, rtol=1e-4, no_grads=None, \
dtype=None, detect_nondifferentiable=False)
gradient_check.check_double_backward(func, x_data, y_grad, x_grad_grad, params=(), params_grad_grad=(), eps=1e-3, \
atol=1e-4, rtol=1e-3, no_grads=None, dtype=None, detect_nondifferentiable=False)
gradient_check.numerical_grad(f, inputs, grad_outputs, eps=1e-3, detect_nondifferentiable=False)
computational_graph.build_computational_graph(outputs, remove_split=True, variable_style=None, function_style=None, \
rankdir='TB', remove_variable=False, show_name=True)
initializers.generate_array(initializer, shape, xp, dtype=None, device=None)
Link.add_param(self, name, shape=None, dtype=any_type, initializer=None)
Link.add_persistent(self, name, value)
Link.addgrads(self, link)
Link.copy(self, mode='share')
Link.copyparams(self, link, copy_persistent=True)
Link.links(self, skipself=False)
Link.namedlinks(self, skipself=False)
Link.namedparams(self, include_uninit=True)
Link.params(self, include_uninit=True)
Link.repeat(self, n_repeat, mode='init')
Link.add_hook(self, hook, name=None)
Optimizer.add_hook(self, hook, name=None, timing='auto')
Optimizer.new_epoch(self, auto=False)
GradientMethod.update(self, lossfun=None, *args, **kwds)
Parameter(initializer=None, shape=None, name=None)
Reporter.add_observer(self, name, observer)
Reporter.add_observers(self, prefix, observers)
report(values, observer=None)
serializers.load_npz(file, obj, path='', strict=True, ignore_names=None)
serializers.save_npz(file, obj, compression=True)
serializers.DictionarySerializer(target=None, path='')
serializers.NpzDeserializer(npz, path='', strict=True, ignore_names=None)
training.StandardUpdater(iterator, optimizer, converter=any_function, device=None, loss_func=None, loss_scale=None, \
auto_new_epoch=True, *, input_device=None)
training.Trainer(updater, stop_trigger=None, out='result', extensions=None)
training.Trainer.extend(self, extension, name=None, trigger=None, priority=None, *, call_before_training=False)
training.Trainer.run(self, show_loop_exception_msg=True)
training.make_extension(trigger=None, default_name=None, priority=None, finalizer=None, initializer=None, on_error=None)
using_config(name, value, config=any_config)
Variable(data=None, *, name=None, grad=None, requires_grad=True)
Variable.backward(self, retain_grad=False, enable_double_backprop=False, loss_scale=None)
utils.get_conv_outsize(size, k, s, p, cover_all=False, d=1)
utils.get_deconv_outsize(size, k, s, p, cover_all=False, d=1)
'''

ANY = object()
TABLES = {'functions.': FUNCTIONS, 'links.': LINKS, 'initializers.': INITIALIZERS, 'optimizers.': OPTIMIZERS,
          'optimizer_hooks.': HOOKS, 'training.extensions.': EXTENSIONS, 'training.triggers.': TRIGGERS,
          'iterators.': ITERATORS, 'datasets.': DATASETS, '': REST}
CASES = [prefix + line for prefix, table in TABLES.items() for line in table.strip().splitlines()]
P = inspect.Parameter


def documented_parameters(arguments):
    """The parameters of an argument list in Python's notation."""
    import numpy
    scope = {'numpy': numpy, 'any_function': ANY, 'any_type': ANY, 'any_config': ANY}
    exec(f'def f({arguments}: pass', scope)
    return list(inspect.signature(scope['f']).parameters.values())


def agrees(expected, actual):
    """Whether an argument can be given, or left out, as documented. One without a default may have got one."""
    if expected.kind == P.VAR_POSITIONAL:
        return actual.kind == P.VAR_POSITIONAL
    positional = expected.kind != P.POSITIONAL_OR_KEYWORD or actual.kind == P.POSITIONAL_OR_KEYWORD
    if expected.default is P.empty:
        return expected.name == actual.name and positional
    if expected.default is ANY:
        return expected.name == actual.name and positional and actual.default is not P.empty
    return expected.name == actual.name and positional and expected.default == actual.default


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.partition('(')[0])
def test_signature(case):
    path, _, arguments = case.partition('(')
    place = chainer
    for name in path.split('.'):
        place = getattr(place, name)
    expected = [p for p in documented_parameters(arguments) if p.kind != P.VAR_KEYWORD]
    actual = [p for p in inspect.signature(place).parameters.values() if p.kind != P.VAR_KEYWORD]
    for one, other in zip(expected, actual):
        assert agrees(one, other), f'{path}: documented is {one}, here it is {other}'
    assert len(actual) >= len(expected), f'{path}: lacks {", ".join(p.name for p in expected[len(actual):])}'
    assert all(p.default is not P.empty or p.kind == P.VAR_POSITIONAL for p in actual[len(expected):])
