"""The iterator over a pipeline of NVIDIA DALI, in whose place is an object with the same methods."""
import pytest

from autograd_nn import serializers
from autograd_nn.iterators import DaliIterator
from autograd_nn.iterators import dali_iterator as module


class Pipeline:
    max_batch_size = 4

    def __init__(self):
        self.calls = []

    def build(self):
        self.calls.append('build')

    def epoch_size(self):
        return {'reader': 10}

    def run(self):
        self.calls.append('run')
        return f'batch {self.calls.count("run")}'


@pytest.mark.parametrize('repeat, expected', [
    (True, [(4, 0, False, 0), (8, 0, False, 0.4), (2, 1, True, 0.8), (6, 1, False, 1.2)]),
    (False, [(4, 0, False, 0), (8, 0, False, 0.4), (0, 1, True, 0.8)]),
])
def test_epochs(repeat, expected):
    """The numbers are those of Chainer's iterator."""
    iterator = DaliIterator(Pipeline(), repeat)
    assert (iterator.batch_size, iterator.repeat, iterator.epoch_detail) == (4, repeat, 0)
    assert iterator.previous_epoch_detail is None
    for number, (position, epoch, is_new_epoch, previous) in enumerate(expected, 1):
        assert next(iterator) == f'batch {number}'
        assert (iterator.current_position, iterator.epoch, iterator.is_new_epoch) == (position, epoch, is_new_epoch)
        assert iterator.previous_epoch_detail == pytest.approx(previous)
        assert iterator.epoch_detail == pytest.approx(epoch + position / 10)
    assert iterator.pipeline.calls == ['build', *['run'] * len(expected)]
    if not repeat:
        with pytest.raises(StopIteration):
            iterator.next()
        iterator.reset()
        assert iterator.next() == 'batch 4' and iterator.epoch == 0


def test_state():
    iterator, other = DaliIterator(Pipeline()), DaliIterator(Pipeline())
    for _ in range(3):
        iterator.next()
    serializer = serializers.DictionarySerializer()
    iterator.serialize(serializer)
    other.serialize(serializers.NpzDeserializer(serializer.target))
    other.next()
    assert (other.current_position, other.epoch, other.previous_epoch_detail) == (6, 1, pytest.approx(1.2))


def test_no_pipeline(monkeypatch):
    monkeypatch.setattr(module, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='DaliIterator: NVIDIA DALI is not installed'):
        DaliIterator([1, 2, 3])
    monkeypatch.setattr(module, 'find_spec', lambda name: object())
    with pytest.raises(TypeError, match='expected a pipeline of NVIDIA DALI, got list, which has no build, run'):
        DaliIterator([1, 2, 3])
