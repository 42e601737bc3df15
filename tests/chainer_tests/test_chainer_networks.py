"""Networks as programs for Chainer write them: blocks, lists, sequences, embeddings, shared and frozen layers."""
import collections
import copy
import subprocess
import sys

import numpy as np
import pytest

import autograd_nn as chainer
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Chain, ChainList, cuda, initializers, optimizers, reporter, training
from autograd_nn.backends import cuda as backends_cuda
from autograd_nn.training import extensions, triggers


class Block(chainer.Chain):

    def __init__(self, out_channels, ksize, pad=1):
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(None, out_channels, ksize, pad=pad, nobias=True)
            self.bn = L.BatchNormalization(out_channels)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class VGG(chainer.Chain):

    def __init__(self, class_labels=10):
        super().__init__()
        with self.init_scope():
            self.block1_1 = Block(6, 3)
            self.block1_2 = Block(6, 3)
            self.block2_1 = Block(8, 3)
            self.fc1 = L.Linear(None, 16, nobias=True)
            self.bn_fc1 = L.BatchNormalization(16)
            self.fc2 = L.Linear(None, class_labels, nobias=True)

    def forward(self, x):
        h = self.block1_1(x)
        h = F.dropout(h, ratio=0.3)
        h = F.max_pooling_2d(self.block1_2(h), ksize=2, stride=2)
        h = F.dropout(h, ratio=0.4)
        h = F.max_pooling_2d(self.block2_1(h), ksize=2, stride=2)
        h = F.dropout(h, ratio=0.5)
        h = F.relu(self.bn_fc1(self.fc1(h)))
        return self.fc2(F.dropout(h, ratio=0.5))


class TestModeEvaluator(extensions.Evaluator):
    __test__ = False

    def evaluate(self):
        model = self.get_target('main')
        model.train = False
        ret = super().evaluate()
        model.train = True
        return ret


def colours(n, seed=0):
    rs = np.random.RandomState(seed)
    t = rs.randint(0, 3, n).astype(np.int32)
    x = rs.rand(n, 3, 8, 8).astype(np.float32) * 0.5
    x[np.arange(n), t] += 0.5
    return chainer.datasets.TupleDataset(x, t)


def test_vgg_style_network(tmp_path, capsys):
    np.random.seed(0)
    model = L.Classifier(VGG(3))
    optimizer = chainer.optimizers.MomentumSGD(0.1)
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(5e-4))
    train_iter = chainer.iterators.MultithreadIterator(colours(48), 16, n_threads=2)
    test_iter = chainer.iterators.SerialIterator(colours(20, 1), 16, repeat=False, shuffle=False)
    stop_trigger = triggers.EarlyStoppingTrigger(
        monitor='validation/main/loss', check_trigger=(1, 'epoch'), patience=8, max_trigger=(8, 'epoch'))
    updater = training.updaters.StandardUpdater(train_iter, optimizer, device=-1)
    trainer = training.Trainer(updater, stop_trigger, out=tmp_path)
    trainer.extend(TestModeEvaluator(test_iter, model, device=-1))
    trainer.extend(extensions.ExponentialShift('lr', 0.5), trigger=(4, 'epoch'))
    trainer.extend(extensions.dump_graph('main/loss', out_name='graph.dot'))
    trainer.extend(extensions.snapshot_object(model, 'best'), trigger=triggers.MinValueTrigger('validation/main/loss'))
    trainer.extend(extensions.LogReport(log_name='report.json'))
    trainer.extend(extensions.ParameterStatistics(model.predictor.fc2, {'std': np.std}))
    trainer.extend(extensions.observe_value('seen', lambda trainer: trainer.updater.iteration * 16))
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['validation/main/accuracy'] > 0.6
    assert log[-1]['main/loss'] < log[0]['main/loss']
    assert any(name.endswith('/W/data/std') for name in log[-1])
    assert {'best', 'graph.dot', 'report.json'} <= {path.name for path in tmp_path.iterdir()}
    assert optimizer.lr == pytest.approx(0.025)
    bn = model.predictor.block1_1.bn
    assert bn.avg_mean.any() and bn.avg_mean.dtype == np.float32
    names = [name for name, _ in model.namedparams()]
    assert '/predictor/block1_1/bn/gamma' in names and '/predictor/fc2/W' in names
    x = chainer.dataset.concat_examples(colours(4))[0]
    with chainer.using_config('train', False):
        np.testing.assert_array_equal(model.predictor(x).array, model.predictor(x).array)
    assert np.any(model.predictor(x).array != model.predictor(x).array)


class ContinuousBoW(chainer.Chain):

    def __init__(self, n_vocab, n_units, loss_func):
        super().__init__()
        with self.init_scope():
            self.embed = L.EmbedID(n_vocab, n_units, initialW=initializers.Uniform(1. / n_units))
            self.loss_func = loss_func

    def forward(self, x, contexts):
        e = self.embed(contexts)
        h = F.sum(e, axis=1) * (1. / contexts.shape[1])
        loss = self.loss_func(h, x)
        reporter.report({'loss': loss}, self)
        return loss


class SoftmaxCrossEntropyLoss(chainer.Chain):

    def __init__(self, n_in, n_out):
        super().__init__()
        with self.init_scope():
            self.out = L.Linear(n_in, n_out, initialW=0)

    def forward(self, x, t):
        return F.softmax_cross_entropy(self.out(x), t)


class WindowIterator(chainer.dataset.Iterator):
    """A batch is some positions of a text and the words around them."""

    def __init__(self, dataset, window, batch_size, repeat=True):
        self.dataset = np.array(dataset, np.int32)
        self.window = window
        self.batch_size = batch_size
        self._repeat = repeat
        self.order = np.random.permutation(len(dataset) - window * 2).astype(np.int32) + window
        self.current_position = 0
        self.epoch = 0
        self.is_new_epoch = False

    def __next__(self):
        if not self._repeat and self.epoch > 0:
            raise StopIteration
        i = self.current_position
        position = self.order[i:i + self.batch_size]
        offset = np.concatenate([np.arange(-self.window, 0), np.arange(1, self.window + 1)])
        contexts = self.dataset.take(position[:, None] + offset[None, :])
        center = self.dataset.take(position)
        self.is_new_epoch = i + self.batch_size >= len(self.order)
        if self.is_new_epoch:
            np.random.shuffle(self.order)
            self.epoch += 1
            self.current_position = 0
        else:
            self.current_position = i + self.batch_size
        return center, contexts

    @property
    def epoch_detail(self):
        return self.epoch + float(self.current_position) / len(self.order)

    def serialize(self, serializer):
        self.current_position = serializer('current_position', self.current_position)
        self.epoch = serializer('epoch', self.epoch)
        self.is_new_epoch = serializer('is_new_epoch', self.is_new_epoch)
        if self.order is not None:
            serializer('order', self.order)


@chainer.dataset.converter()
def convert(batch, device):
    center, contexts = batch
    return device.send(center), device.send(contexts)


def test_word_vectors_with_an_iterator_and_a_converter_of_their_own(tmp_path):
    np.random.seed(0)
    text = [0, 1, 2, 3, 4, 5, 6] * 12
    counts = collections.Counter(text)
    model = ContinuousBoW(len(counts), 8, SoftmaxCrossEntropyLoss(8, len(counts)))
    optimizer = optimizers.Adam(0.05)
    optimizer.setup(model)
    train_iter = WindowIterator(text, 1, 20)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, converter=convert, device='@numpy')
    trainer = training.Trainer(updater, (8, 'epoch'), out=tmp_path)
    test_iter = WindowIterator(text, 1, 20, repeat=False)
    trainer.extend(extensions.Evaluator(test_iter, model, converter=convert, device='@numpy'))
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.snapshot(filename='snapshot_epoch_{.updater.epoch}'), trigger=(4, 'epoch'))
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['main/loss'] < 0.5 * log[0]['main/loss']
    assert log[-1]['validation/main/loss'] < 0.5
    assert model.embed.W.data.shape == (7, 8)


class ResBlock(ChainList):

    def __init__(self, n_layers, width):
        super().__init__()
        for _ in range(n_layers):
            self.add_link(L.Linear(width, width, initialW=initializers.HeNormal()))

    def forward(self, x):
        for link in self.children():
            x = x + F.relu(link(x))
        return x


def test_lists_of_links():
    model = ResBlock(3, 4)
    assert len(model) == 3 and model[1].W.name == 'W'
    assert [link.name for link in model] == ['0', '1', '2']
    assert [name for name, _ in model.namedlinks()] == ['/', '/0', '/1', '/2']
    y = model(np.ones((2, 4), 'f'))
    model.cleargrads()
    F.sum(y).backward()
    assert all(param.grad is not None for param in model.params())


class Siamese(Chain):
    """One network applied to two inputs, and a head whose layers were added in the old way."""

    def __init__(self):
        super().__init__(base=L.Linear(3, 4))
        self.add_link('head', L.Linear(4, 1))
        self.add_param('scale', (1,), initializer=initializers.Constant(2.0))
        self.add_persistent('seen', 0)

    def __call__(self, x0, x1):
        self.seen += len(x0)
        return self.head(abs(self.base(x0) - self.base(x1))) * F.broadcast_to(self.scale, (len(x0), 1))


def test_shared_and_frozen_layers(tmp_path):
    model = Siamese()
    optimizer = optimizers.SGD(lr=0.1).setup(model)
    model.base.disable_update()
    model.head.b.update_rule.hyperparam.lr = 0.0
    model.head.W.update_rule.add_hook(chainer.optimizer_hooks.GradientHardClipping(-0.1, 0.1))
    before = {name: param.array.copy() for name, param in model.namedparams()}
    rs = np.random.RandomState(0)
    x0, x1 = rs.rand(2, 5, 3).astype('f')
    optimizer.update(lambda: F.mean_squared_error(model(x0, x1), np.ones((5, 1), 'f')))
    changed = {name for name, param in model.namedparams() if np.any(param.array != before[name])}
    assert changed == {'/head/W', '/scale'}
    assert abs(model.head.W.array - before['/head/W']).max() <= 0.1 * 0.1001
    chainer.serializers.save_npz(tmp_path / 'siamese.npz', model)
    other = Siamese()
    chainer.serializers.load_npz(tmp_path / 'siamese.npz', other)
    assert other.seen == 5
    with pytest.raises(KeyError):
        chainer.serializers.load_npz(tmp_path / 'siamese.npz', Chain(base=L.Linear(3, 4), extra=L.Linear(1, 1)))


def test_sequences():
    model = chainer.Sequential(L.Linear(None, 5), F.relu, L.BatchNormalization(5), lambda x: x * 2, L.Linear(5, 2))
    assert len(model) == 5
    assert model(np.ones((3, 4), 'f')).shape == (3, 2)
    deep = chainer.Sequential(L.Linear(4, 4), F.tanh).repeat(3)
    assert len(deep.flatten()) == 6
    assert deep.count_by_layer_type('Linear') == 0 and deep.flatten().count_by_layer_type('Linear') == 3
    model.append(F.softmax)
    np.testing.assert_allclose(model(np.ones((3, 4), 'f')).array.sum(axis=1), 1, rtol=1e-5)
    model.remove_by_layer_type('BatchNormalization')
    assert len(list(model.params())) == 4
    del model[-1]
    assert isinstance(model[-1], L.Linear)


def test_hooks_of_optimizers():
    link = chainer.Chain(l=L.Linear(2, 1, initialW=np.array([[3., 4.]], 'f')))
    optimizer = chainer.optimizers.SGD(lr=1.0)
    optimizer.setup(link)
    optimizer.add_hook(chainer.optimizer.GradientClipping(1.0), 'clip')
    optimizer.add_hook(lambda opt: norms.append(float(np.linalg.norm(opt.target.l.W.grad))), name='norm')
    norms = []
    link.cleargrads()
    F.sum(link.l(np.array([[30., 40.]], 'f'))).backward()
    optimizer.update()
    assert norms[0] == pytest.approx(50 / np.sqrt(50 ** 2 + 1), rel=1e-4)
    optimizer.remove_hook('clip')
    optimizer.add_hook(chainer.optimizer.Lasso(0.5))
    link.cleargrads()
    optimizer.update()
    assert norms[1] == 0
    assert optimizer.t == 2


def test_array_modules_and_devices():
    x = np.zeros(2, 'f')
    variable = chainer.Variable(x)
    for module in (chainer.cuda, chainer.backends.cuda, backends_cuda, cuda):
        assert module.get_array_module(x, variable) is np
        assert module.to_cpu(x) is x
        with module.get_device_from_id(-1), module.get_device_from_array(x):
            pass
    assert chainer.backend.get_array_module(variable) is np
    model = L.Linear(2, 2)
    assert model.xp is np and variable.xp is np
    model.to_cpu()
    model.to_device('@numpy')
    assert model.device == chainer.get_device(-1) == chainer.backend.CpuDevice()
    assert chainer.get_device('@numpy').send([x])[0] is x
    if not chainer.cuda.available:
        with pytest.raises(RuntimeError, match='CUDA'):
            chainer.cuda.get_device_from_id(0)
    with pytest.raises(TypeError, match='to_cpu'):
        cuda.to_cpu('array')
    assert cuda.to_cpu((x, None, np.float32(2)))[2] == 2


PATHS = '''
cuda.to_gpu backends.cuda.cupy backend.copyto optimizer.WeightDecay optimizer.GradientMethod
function_hooks.TimerHook link_hooks.TimerHook dataset.convert.concat_examples datasets.mnist
dataset.DatasetMixin datasets.tuple_dataset.TupleDataset training.extension.Extension
training.updater.StandardUpdater training.updaters.StandardUpdater training.trigger.get_trigger
training.triggers.ManualScheduleTrigger training.extensions.snapshot_object variable.Parameter
function.Function link.Chain reporter.DictSummary serializers.npz.save_npz utils.type_check
utils.conv.get_conv_outsize utils.force_array gradient_check.check_backward Sequential
computational_graph.build_computational_graph initializers.HeNormal print_runtime_info
training.util.get_trigger training.updaters.multiprocess_parallel_updater.MultiprocessParallelUpdater
training.IntervalTrigger training.updaters.ParallelUpdater training.extensions.variable_statistics_plot
dataset.convert.Conveyor dataset.tabular.from_data datasets.pickle_dataset datasets.text_dataset
datasets.image_dataset.ZippedImageDataset datasets.ptb datasets.svhn datasets.kuzushiji_mnist iterators.dali_iterator
serializers.hdf5.load_hdf5 serializers.npz.serialize
configuration.using_config function.no_backprop_mode initializer.Initializer Initializer
'''


def test_modules_are_there_after_one_import():
    """Other imports of this process could hide that a module is missing."""
    program = f'import autograd_nn as chainer, operator; operator.attrgetter(*{PATHS.split()})(chainer)'
    subprocess.run([sys.executable, '-c', program], check=True)


def test_runtime_info(capsys):
    chainer.print_runtime_info()
    assert f'NumPy: {np.__version__}' in capsys.readouterr().out


def test_networks_of_questions_and_answers():
    """A memory network: shared embeddings, products of batches, and examples as dicts."""

    class MemoryNetwork(chainer.Chain):

        def __init__(self, n_units, n_vocab, hops):
            super().__init__()
            with self.init_scope():
                self.embeds = chainer.ChainList()
            for _ in range(hops + 1):
                self.embeds.append(L.EmbedID(n_vocab, n_units, initialW=initializers.Normal()))
            self.B = self.embeds[0]
            self.W = lambda u: F.linear(u, self.embeds[-1].W)
            self.hops = hops

        def encode(self, embed, sentences):
            e = embed(sentences)
            coeff = 1 - self.xp.arange(e.shape[-2], dtype=np.float32)[:, None] / e.shape[-2]
            return F.sum(coeff * e, axis=-2)

        def forward(self, sentences, question):
            u = self.encode(self.B, question)
            for i in range(self.hops):
                m = self.encode(self.embeds[i], sentences)
                c = self.encode(self.embeds[i + 1], sentences)
                p = F.softmax(F.batch_matmul(m, u))
                o = F.squeeze(F.batch_matmul(F.swapaxes(c, 2, 1), p), -1)
                u = o + u
            return self.W(u)

    np.random.seed(0)
    answers = np.random.randint(0, 5, 40).astype('i')
    examples = [{'sentences': np.full((3, 2), a, 'i'), 'question': np.array([a, 0], 'i'), 'answer': np.array(a)}
                for a in answers]
    model = L.Classifier(MemoryNetwork(6, 5, 2), label_key='answer')
    optimizer = optimizers.Adam(alpha=0.05).setup(model)
    iterator = chainer.iterators.SerialIterator(examples, 20)
    updater = training.StandardUpdater(iterator, optimizer, device=-1)
    losses = []
    for _ in range(20):
        updater.update()
        losses.append(float(model.loss.array))
    assert losses[-1] < 0.5 * losses[0]
    assert [path for path, _ in model.namedparams()] == [f'/predictor/embeds/{i}/W' for i in range(3)]


def test_reinforcement_learning(tmp_path):
    """Double Q-learning on three cells in a row, by an iterator that is the memory of what was seen."""

    class Replay(chainer.dataset.Iterator):

        def __init__(self, batch_size):
            self.batch_size = batch_size
            self.seen = collections.deque(maxlen=200)
            self.iteration = 0

        def __next__(self):
            self.iteration += 1
            return [self.seen[i] for i in np.random.randint(0, len(self.seen), self.batch_size)]

        @property
        def epoch_detail(self):
            return self.iteration / 10

    class Updater(training.StandardUpdater):

        def __init__(self, iterator, optimizer):
            super().__init__(iterator, optimizer)
            self.Q = optimizer.target
            self.target_Q = copy.deepcopy(self.Q)
            self.returns = []

        def act(self, place):
            if np.random.rand() < 0.3:
                return np.random.randint(2)
            with chainer.no_backprop_mode():
                q = self.Q(np.eye(3, dtype='f')[place][None]).data[0]
            return int(chainer.cuda.to_cpu(q).argmax())

        def update_core(self):
            place = 0
            iterator = self.get_iterator('main')
            for _ in range(10):
                action = self.act(place)
                new = min(max(place + (1 if action else -1), 0), 2)
                iterator.seen.append((place, action, float(new == 2), new == 2, new))
                place = 0 if new == 2 else new
            columns = list(zip(*iterator.__next__()))
            eye = np.eye(3, dtype='f')
            obs, obs_next = eye[list(columns[0])], eye[list(columns[4])]
            action = np.asarray(columns[1], np.int32)
            reward, done = np.asarray(columns[2], 'f'), np.asarray(columns[3], 'f')
            y = F.select_item(self.Q(obs), action)
            with chainer.no_backprop_mode():
                next_q = F.select_item(self.target_Q(obs_next), F.argmax(self.Q(obs_next), axis=1))
                target = reward + 0.9 * (1 - done) * next_q
            loss = F.mean(F.huber_loss(y, target, delta=1.0, reduce='no'))
            self.Q.cleargrads()
            loss.backward()
            self.get_optimizer('main').update()
            for source, target in zip(self.Q.params(), self.target_Q.params()):
                target.data[:] += 0.3 * (source.data - target.data)

    np.random.seed(0)
    Q = chainer.Sequential(L.Linear(3, 8), F.relu, L.Linear(8, 2, initialW=initializers.HeNormal(1e-3)))
    optimizer = optimizers.Adam(alpha=0.02, eps=1e-2)
    optimizer.setup(Q)
    trainer = training.Trainer(Updater(Replay(16), optimizer), (8, 'epoch'), out=tmp_path)
    trainer.run()
    assert trainer.updater.iteration == 80
    q = Q(np.eye(3, dtype='f')).data
    assert (q[:2, 1] > q[:2, 0]).all()
    assert q[1, 1] == pytest.approx(1, abs=0.3)


def test_converters_of_the_old_kind_are_given_numbers(tmp_path):
    """Before devices were objects, a converter got the number of a GPU, or a negative one for the CPU."""
    given = []

    def old(batch, device):
        given.append(device)
        if device is not None and device >= 0:
            batch = cuda.to_gpu(batch, device)
        return chainer.dataset.concat_examples(batch, device)

    @chainer.dataset.converter()
    def new(batch, device):
        given.append(device)
        return chainer.dataset.concat_examples(batch, device)

    for converter, device in (old, -1), (old, None), (new, -1), (new, None):
        model = L.Classifier(L.Linear(3))
        iterator = chainer.iterators.SerialIterator(colours(4), 2)
        updater = training.StandardUpdater(iterator, optimizers.SGD().setup(model), converter=converter, device=device)
        updater.update()
        test_iter = chainer.iterators.SerialIterator(colours(4), 4, repeat=False)
        extensions.Evaluator(test_iter, model, converter=converter, device=device)()
    cpu = chainer.get_device('@numpy')
    assert given == [-1, -1, None, None, cpu, cpu, None, None]


def test_iterators_are_copied():
    iterator = chainer.iterators.SerialIterator(list(range(5)), 2, repeat=False, shuffle=False)
    for _ in range(2):
        assert [len(batch) for batch in copy.copy(iterator)] == [2, 2, 1]
    assert iterator.epoch == 0 and iterator.next() == [0, 1]


def test_words_around_words():
    """Labels that are Variables of integers: a skip-gram's loss."""
    embed = L.EmbedID(7, 4)
    output = SoftmaxCrossEntropyLoss(4, 7)
    x, contexts = np.array([1, 2], 'i'), np.array([[0, 2], [1, 3]], 'i')
    e = embed(chainer.Variable(contexts))
    t = F.reshape(F.broadcast_to(x[:, None], contexts.shape), (4,))
    loss = output(F.reshape(e, (4, 4)), t)
    loss.backward()
    assert loss.array == pytest.approx(np.log(7), rel=1e-5)
    assert t.grad is None and output.out.W.grad[1].any()


class SpectralLinear(L.Linear):
    """A layer derived from another one: weights over their largest singular value, scaled by a parameter."""

    def _initialize_params(self, in_size):
        super()._initialize_params(in_size)
        with self.init_scope():
            self.gamma = chainer.Parameter(np.linalg.svd(self.W.data)[1][0], (1, 1))

    def forward(self, x):
        if self.W.array is None:
            self._initialize_params(x.size // x.shape[0])
        sigma = np.linalg.svd(self.W.array)[1][0]
        return F.linear(x, F.broadcast_to(self.gamma, self.W.shape) * self.W / sigma, self.b)


def test_layers_are_derived_from_layers():
    for layer in SpectralLinear(3, 2), SpectralLinear(None, 2):
        x = np.ones((4, 3), 'f')
        y = layer(x)
        np.testing.assert_allclose(y.array, x @ layer.W.array.T, rtol=1e-5)
        F.sum(y).backward()
        assert layer.gamma.grad.shape == (1, 1)
        assert [name for name, _ in layer.namedparams()] == ['/W', '/b', '/gamma']


def test_arrays_of_double_precision_leave_a_network_in_single_precision():
    """NumPy's random numbers and masks are constants beside Variables."""
    x = chainer.Variable(np.ones((2, 3), 'f'))
    noisy = x + 0.1 * np.random.randn(2, 3)
    masked = 0.2 * (x.data > 0) * noisy
    assert noisy.dtype == masked.dtype == np.float32
    assert (np.arange(3) * masked / np.full(3, 2.0)).dtype == np.float32


def test_modules_are_imported_by_path():
    import autograd_nn.backends.cuda as chainer_cuda

    assert chainer_cuda is chainer.cuda
