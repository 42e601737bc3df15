"""The table of a model's layers."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.functions.math.matrix_product import MatMul


class LeNet(ann.Chain):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.features = ann.Sequential(L.Convolution2D(None, 20, 5), F.relu, lambda x: F.max_pooling_2d(x, 2))
            self.norm = L.BatchNormalization()
            self.l1 = L.Linear(None, 50)
            self.unused = L.Linear(3, 2)
            self.scale = ann.Parameter(1, (10, 50))

    def forward(self, x):
        h = F.dropout(self.norm(self.features(x)))
        return F.matmul(self.l1(h), self.scale, transb=True)


def test_table(capsys):
    model = LeNet()
    result = ann.summary(model, (1, 28, 28))
    text = capsys.readouterr().out
    assert text == f'{result}\n' == '''\
LeNet, input (1, 28, 28)
layer               type                output shape  parameters  multiply-adds
-------------------------------------------------------------------------------
(the model itself)  LeNet               (10,)                500            500
features/0          Convolution2D       (20, 24, 24)         520        288,000
norm                BatchNormalization  (20, 12, 12)          40              -
l1                  Linear              (50,)            144,050        144,000
unused              Linear              -                      8              -
-------------------------------------------------------------------------------
total                                                    145,118        432,500
0.55 MiB of parameters; shapes and multiply-adds for one sample
'''
    assert (result.parameters, result.multiply_adds) == (145118, 432500)
    assert [row.path for row in result.rows] == ['/', '/features/0', '/norm', '/l1', '/unused']
    model(np.zeros((1, 1, 28, 28), 'f'))
    assert result.parameters == model.count_params()



def test_long_paths_leave_the_table_its_width():
    """Where a path is too long for 80 columns, its beginning stands above the rows that share it."""
    class Block(ann.Chain):
        def __init__(self):
            super().__init__(conv=L.Convolution2D(4, 4, 3, pad=1), normalization=L.BatchNormalization(4))

        def forward(self, x):
            return self.normalization(self.conv(x))

    class Network(ann.Chain):
        def __init__(self):
            super().__init__(a_stage_of_many_blocks=ann.Sequential(Block(), Block()), fc=L.Linear(2))

        def forward(self, x):
            return self.fc(self.a_stage_of_many_blocks(x))

    lines = str(ann.summary(Network(), (4, 300, 300))).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[3] == 'a_stage_of_many_blocks'
    assert [line[:17] for line in lines[4:9]] == ['  0/conv         ', '  0/normalization', '  1/conv         ',
                                                  '  1/normalization', 'fc               ']


def test_leaves_the_model_and_the_random_numbers_alone():
    model = LeNet()
    np.random.seed(3)
    ann.summary(model, (1, 28, 28))
    assert model.l1.W.array is None and model.norm.avg_mean is None
    x = np.random.rand()
    np.random.seed(3)
    assert x == np.random.rand()
    assert ann.config.train and ann.config.enable_backprop
    assert ann.get_link_hooks() == {} == ann.get_function_hooks()


def count(function, *shapes, dtype=None):
    class Net(ann.Link):
        forward = staticmethod(function)

    return ann.summary(Net(), list(shapes), dtype).multiply_adds


@pytest.mark.parametrize('function, shapes, expected', [
    (lambda x: F.matmul(x, np.ones((3, 5), 'f')), [(4, 3)], 4 * 3 * 5),
    (lambda x: F.matmul(x, np.ones((4, 5), 'f'), transa=True), [(4, 3)], 3 * 4 * 5),
    (lambda x, y: F.matmul(x, y, transb=True), [(2, 4, 3), (2, 5, 3)], 2 * 4 * 3 * 5),
    (lambda x: F.matmul(x[0], np.ones(3, 'f')), [(4, 3)], 3 * 4),
    (lambda x, y: F.einsum('nij,nj->ni', x, y), [(4, 3), (3,)], 12),
    (lambda x: F.einsum('nij->nji', x), [(4, 3)], 0),
    (lambda x: F.exp(x) + x, [(4, 3)], 0),
    (lambda x: F.convolution_2d(x, np.ones((6, 2, 3, 3), 'f'), stride=2, pad=1, groups=2), [(4, 7, 7)],
     4 * 4 * 6 * 2 * 9),
    (lambda x: F.deconvolution_2d(x, np.ones((4, 6, 3, 3), 'f'), stride=2), [(4, 5, 5)], 25 * 4 * 6 * 9),
    (lambda x: F.convolution_nd(x, np.ones((6, 4, 3), 'f'), dilate=2), [(4, 9)], 5 * 6 * 4 * 3),
    (F.scaled_dot_product_attention, [(2, 4, 8), (2, 5, 8), (2, 5, 6)], 2 * 4 * 5 * (8 + 6)),
    (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, np.ones((4, 5), bool)), [(2, 4, 8), (2, 5, 8), (2, 5, 6)],
     2 * 4 * 5 * (8 + 6)),
    (lambda x: F.linear(x, np.ones((5, 3), 'f'), activation=F.relu), [(3,)], 15),
])
def test_multiply_adds(function, shapes, expected, capsys):
    assert count(function, *shapes) == expected


def one_output(forward, **methods):
    """A user's function of one class or another."""
    def make(name, base=ann.FunctionNode):
        return type(name, (base,), {'forward': forward, **methods})
    return make


@pytest.mark.parametrize('name', ['MatMul', 'LinearFunction', 'ConvolutionND', 'DeconvolutionND', 'EinSum',
                                  'LSTMSequence', 'Attention'])
def test_a_function_is_not_known_by_its_name(name, capsys):
    make = one_output(lambda self, inputs: (inputs[0] * 2,))
    for base in ann.FunctionNode, ann.Function:
        assert count(lambda x, base=base: apply(make(name, base)(), x), (4, 3)) == 0


def test_functions_say_their_own(capsys):
    make = one_output(lambda self, inputs: (inputs[0] * 2,), multiply_adds=lambda self, inputs: 5 * inputs[0].size)
    assert count(lambda x: apply(make('Anything')(), x), (4, 3)) == 60
    assert count(lambda x: apply(make('MatMul', MatMul)(False, False), x), (4, 3)) == 60


def apply(function, x):
    return function(x) if isinstance(function, ann.Function) else function.apply((ann.as_variable(x),))[0]


@pytest.mark.parametrize('layer, n_gates', [(L.NStepLSTM, 4), (L.NStepBiGRU, 3), (L.NStepRNNTanh, 1)])
def test_multiply_adds_of_recurrent_layers(layer, n_gates, capsys):
    class Net(ann.Chain):
        def __init__(self):
            super().__init__(layer=layer(2, 3, 4, 0.0))

        def forward(self, x):
            return self.layer(*[None] * self.layer.n_cells, [x[0]])[-1][0]

    directions = 2 if layer is L.NStepBiGRU else 1
    inputs = (3 + 4) + (4 * directions + 4)
    assert ann.summary(Net(), (5, 3)).multiply_adds == 5 * n_gates * 4 * inputs * directions


def test_integer_input_and_shared_layers(capsys):
    shared = L.Linear(4, 4)
    model = ann.Sequential(L.EmbedID(10, 4), lambda x: x[:, 0], shared, F.relu, ann.Sequential(shared))
    result = ann.summary(model, (3,), dtype=np.int32)
    assert result.rows[0].output_shape == '(3, 4)'
    assert result.parameters == 40 + 20 == model.count_params()
    assert result.multiply_adds == 32


def test_repeated_calls_and_other_results(capsys):
    class Twice(ann.Chain):
        def __init__(self):
            super().__init__(layer=L.Linear(3, 3), pair=Pair(), nothing=Nothing())

        def forward(self, x):
            self.nothing()
            return self.pair(self.layer(self.layer(x)))

    class Pair(ann.Link):
        def forward(self, x):
            return x, {'y': x[:, :1]}

    class Nothing(ann.Link):
        def forward(self):
            return 'text'

    result = ann.summary(Twice(), (3,))
    layer, pair, nothing = result.rows
    assert (layer.calls, layer.multiply_adds, layer.cells[1]) == (2, 18, 'Linear x2')
    assert pair.output_shape == '(3,), (1,)' and nothing.output_shape == '-'


def test_misuse(capsys):
    with pytest.raises(TypeError, match='function'):
        ann.summary(lambda x: x, (3,))
    with pytest.raises(ValueError, match='linear'):
        ann.summary(L.Linear(4, 2), (3,))
    assert ann.get_link_hooks() == {} == ann.get_function_hooks()
