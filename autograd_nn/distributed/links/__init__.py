"""Layers and models of which the processes of a job compute parts."""
from autograd_nn.distributed.links.batch_normalization import MultiNodeBatchNormalization, create_mnbn_model
from autograd_nn.distributed.links.model_parallel import MultiNodeChainList, create_multi_node_n_step_rnn

__all__ = ['MultiNodeBatchNormalization', 'MultiNodeChainList', 'create_mnbn_model', 'create_multi_node_n_step_rnn']
