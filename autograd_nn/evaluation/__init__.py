"""Metrics over data sets: how good predictions are, as benchmarks count it."""
from autograd_nn.evaluation.segmentation import (
    calc_semantic_segmentation_confusion,
    calc_semantic_segmentation_iou,
    eval_semantic_segmentation,
    metrics_of_confusion,
)

__all__ = ['calc_semantic_segmentation_confusion', 'calc_semantic_segmentation_iou', 'eval_semantic_segmentation',
           'metrics_of_confusion']
