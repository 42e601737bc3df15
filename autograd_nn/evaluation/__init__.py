"""Metrics over data sets: how good predictions are, as benchmarks count it."""
from autograd_nn.evaluation.captions import Bleu, bleu, cider, cider_d
from autograd_nn.evaluation.detection_coco import eval_detection_coco
from autograd_nn.evaluation.detection_voc import (
    calc_detection_voc_ap,
    calc_detection_voc_prec_rec,
    eval_detection_voc,
)
from autograd_nn.evaluation.fid import Gaussian, fid, fit_gaussian, frechet_distance
from autograd_nn.evaluation.segmentation import (
    calc_semantic_segmentation_confusion,
    calc_semantic_segmentation_iou,
    eval_semantic_segmentation,
    metrics_of_confusion,
)

__all__ = [
    'Bleu',
    'Gaussian',
    'bleu',
    'calc_detection_voc_ap',
    'calc_detection_voc_prec_rec',
    'calc_semantic_segmentation_confusion',
    'calc_semantic_segmentation_iou',
    'cider',
    'cider_d',
    'eval_detection_coco',
    'eval_detection_voc',
    'eval_semantic_segmentation',
    'fid',
    'fit_gaussian',
    'frechet_distance',
    'metrics_of_confusion',
]
