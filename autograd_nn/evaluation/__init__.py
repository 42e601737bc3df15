"""Metrics over data sets: how good predictions are, as benchmarks count it."""
from autograd_nn.evaluation.captions import Bleu, bleu, cider, cider_d
from autograd_nn.evaluation.classification import confusion_matrix, f1_scores
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
from autograd_nn.evaluation.transcription import character_error_rate, edit_distance

__all__ = [
    'Bleu',
    'Gaussian',
    'bleu',
    'calc_detection_voc_ap',
    'calc_detection_voc_prec_rec',
    'calc_semantic_segmentation_confusion',
    'calc_semantic_segmentation_iou',
    'character_error_rate',
    'cider',
    'cider_d',
    'confusion_matrix',
    'edit_distance',
    'eval_detection_coco',
    'eval_detection_voc',
    'eval_semantic_segmentation',
    'f1_scores',
    'fid',
    'fit_gaussian',
    'frechet_distance',
    'metrics_of_confusion',
]
