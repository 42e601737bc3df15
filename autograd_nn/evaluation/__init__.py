"""Metrics over data sets."""
from autograd_nn.evaluation.captions import Bleu, bleu, cider, cider_d

__all__ = ['Bleu', 'bleu', 'cider', 'cider_d']
