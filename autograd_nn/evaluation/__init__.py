"""Metrics over data sets: how good predictions are, as benchmarks count it."""
from autograd_nn.evaluation.detection_coco import eval_detection_coco
from autograd_nn.evaluation.detection_voc import (
    calc_detection_voc_ap,
    calc_detection_voc_prec_rec,
    eval_detection_voc,
)

__all__ = ['calc_detection_voc_ap', 'calc_detection_voc_prec_rec', 'eval_detection_coco', 'eval_detection_voc']
