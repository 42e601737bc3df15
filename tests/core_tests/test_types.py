"""What a type checker says of programs that use the framework."""
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RIGHT = '''
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import iterators, optimizers, serializers, training
from autograd_nn.optimizer import UpdateRule


class Square(ann.FunctionNode):

    def forward(self, inputs: tuple[np.ndarray[Any, Any], ...]) -> tuple[np.ndarray[Any, Any], ...]:
        self.retain_inputs((0,))
        return inputs[0] ** 2,

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[ann.Variable, ...]) -> tuple[ann.Variable | None, ...]:
        x, = self.get_retained_inputs()
        return 2 * x * grad_outputs[0],


class Affine(ann.Link):

    def __init__(self, size: int) -> None:
        super().__init__()
        with self.init_scope():
            self.scale = ann.Parameter(1, size)
            self.shift = ann.Parameter(np.zeros(size, 'f'), (size,))

    def forward(self, x: ann.Variable) -> ann.Variable:
        return self.scale * x + self.shift


class Announce(training.Extension):

    trigger = (1, 'epoch')

    def __call__(self, trainer: training.Trainer) -> None:
        print(trainer.updater.iteration, trainer.observation)

    def initialize(self, trainer: training.Trainer) -> None:
        pass


@training.make_extension(trigger=(1, 'epoch'))
def announce(trainer: training.Trainer) -> None:
    print(trainer.elapsed_time)


class Decay:

    name = 'Decay'
    call_for_each_param = True

    def __call__(self, rule: UpdateRule, param: ann.Variable) -> None:
        param.grad += 0.1 * param.array


class Trace(ann.FunctionHook):

    name = 'Trace'

    def added(self, function: ann.FunctionNode | None) -> None:
        pass

    def forward_preprocess(self, function: ann.FunctionNode, in_data: tuple[Any, ...]) -> None:
        print(function.label)


class LinkTrace(ann.LinkHook):

    name = 'LinkTrace'

    def added(self, link: ann.Link | None) -> None:
        if link is not None:
            link.namedparams()


x = np.zeros((2, 3), 'f')
v = ann.Variable(x)
y: ann.Variable = F.relu(x)
y = F.dropout(L.Linear(3, 2)(x), 0.5)
y = F.add(v, 1)
y = F.add(x, np.float32(2), v)
y = 1 - v * x / 2.0 + np.float32(3)
y = v @ v.T
y = v.reshape(3, 2).sum(axis=0)
y = F.concat([x, v], axis=0)
y = F.cast(v, np.float64)
z, = Square().apply((x,))
v.to_device('cpu')
model = L.Classifier(ann.Sequential(L.Linear(3, 4, initialW=ann.initializers.HeNormal()), F.relu, Affine(4)))
optimizer = optimizers.SGD(lr=0.1).setup(model)
optimizer.add_hook(Decay())
iterator = iterators.SerialIterator([(x[0], 1)], 1)
trainer = training.Trainer(training.StandardUpdater(iterator, optimizer, device=-1), (1, 'epoch'), out='result')
trainer.extend(Announce())
trainer.extend(announce, trigger=(10, 'iteration'))
serializers.save_npz('model.npz', model)
serializers.save_npz('values.npz', {'x': x})
with Trace(), LinkTrace():
    model(x)
'''

WRONG = '''
import numpy as np

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers, training

v = ann.Variable(np.zeros((2, 3), 'f'))
F.relu('text')
F.relu(None)
F.relu([1., 2.])
F.add(v, 'one')
v + 'one'
F.linear(v, 3)
F.cast(v, 5)
L.Linear(3, 2, initialW='zeros')
ann.Variable('text')
v.to_device(1.5)
serializers.save_npz('x.npz', 5)
training.get_trigger('epoch')
F.concat(5)
F.softmax_cross_entropy(v, 5)
'''


def check(program, folder):
    api = pytest.importorskip('mypy.api')
    (folder / 'program.py').write_text(program)
    options = ['--strict', '--follow-imports=silent', '--config-file=', f'--cache-dir={folder / "cache"}']
    return api.run([*options, str(folder / 'program.py')])[0]


@pytest.mark.slow
def test_programs_are_checked_strictly(tmp_path, monkeypatch):
    monkeypatch.setenv('MYPYPATH', f'{ROOT}{os.pathsep}{os.environ.get("MYPYPATH", "")}'.rstrip(os.pathsep))
    assert 'Success' in check(RIGHT, tmp_path)
    found = {int(line) for line in re.findall(r'program.py:(\d+): error', check(WRONG, tmp_path))}
    first = WRONG.splitlines().index('F.relu(\'text\')') + 1
    assert found == set(range(first, len(WRONG.splitlines()) + 1))
