"""Iterators make batches of a data set, one after the other or ahead of time in threads or processes."""
from autograd_nn.iterators import order_samplers
from autograd_nn.iterators.dali_iterator import DaliIterator
from autograd_nn.iterators.multiprocess_iterator import MultiprocessIterator
from autograd_nn.iterators.multithread_iterator import MultithreadIterator
from autograd_nn.iterators.order_samplers import LengthOrderSampler, OrderSampler, ShuffleOrderSampler
from autograd_nn.iterators.serial_iterator import SerialIterator

__all__ = [
    'DaliIterator',
    'LengthOrderSampler',
    'MultiprocessIterator',
    'MultithreadIterator',
    'OrderSampler',
    'SerialIterator',
    'ShuffleOrderSampler',
    'order_samplers',
]
