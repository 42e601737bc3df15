"""Extensions of a training on many processes."""
from autograd_nn.distributed.extensions.averages import (
    AllreducePersistent,
    MultiNodeEarlyStoppingTrigger,
    ObservationAggregator,
)
from autograd_nn.distributed.extensions.checkpoint import create_multi_node_checkpointer
from autograd_nn.distributed.extensions.evaluator import GenericMultiNodeEvaluator, create_multi_node_evaluator
from autograd_nn.distributed.extensions.snapshot import multi_node_snapshot

__all__ = [
    'AllreducePersistent', 'GenericMultiNodeEvaluator', 'MultiNodeEarlyStoppingTrigger', 'ObservationAggregator',
    'create_multi_node_checkpointer', 'create_multi_node_evaluator', 'multi_node_snapshot',
]
