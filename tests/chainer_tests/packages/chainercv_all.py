"""Functions, transforms, evaluations and networks of ChainerCV, which learn nothing here: they are built and run."""
import chainer
import chainer.functions as F
import numpy as np
from chainercv import evaluations, transforms, utils, visualizations
from chainercv.functions import ps_roi_average_pooling_2d
from chainercv.links import SSD300, FasterRCNNVGG16, ResNet50, SegNetBasic, YOLOv3
from chainercv.links.model.faster_rcnn import FasterRCNNTrainChain
from chainercv.links.model.ssd import GradientScaling, multibox_loss

random = np.random.RandomState(0)
picture = random.randint(0, 255, (3, 120, 160)).astype('f')
boxes, labels = np.array([[10, 20, 100, 120], [30, 30, 90, 150]], 'f'), np.array([1, 3], 'i')


def inference():
    return chainer.using_config('train', False), chainer.no_backprop_mode()


# Boxes and pictures.
iou = utils.bbox_iou(boxes, boxes)
assert iou.shape == (2, 2) and np.allclose(np.diag(iou), 1) and 0 < iou[0, 1] < 1
assert utils.non_maximum_suppression(boxes, 0.3, np.array([.1, .9], 'f')).tolist() == [1]
resized = transforms.resize_bbox(boxes, (120, 160), (240, 320))
assert np.allclose(resized, 2 * boxes)
flipped, params = transforms.random_flip(picture, x_random=True, return_param=True)
assert (transforms.flip(flipped, x_flip=params['x_flip']) == picture).all()
assert transforms.scale(picture, 60).shape == (3, 60, 80)
assert transforms.center_crop(picture, (50, 40)).shape == (3, 50, 40)
assert transforms.ten_crop(picture, (64, 64)).shape == (10, 3, 64, 64)
assert transforms.random_expand(picture, max_ratio=2).shape[0] == 3
assert transforms.pca_lighting(picture, 25).shape == picture.shape

# Measures.
result = evaluations.eval_detection_voc([boxes], [labels], [np.array([.9, .8])], [boxes], [labels])
assert result['map'] == 1
half = evaluations.eval_detection_voc([boxes[:1]], [labels[:1]], [np.array([.9])], [boxes], [labels])
assert half['map'] == .5
segments = random.randint(0, 3, (10, 12))
assert evaluations.eval_semantic_segmentation([segments], [segments])['miou'] == 1
assert evaluations.eval_semantic_segmentation([segments], [(segments + 1) % 3])['miou'] == 0

# A function of their own.
x = chainer.Variable(random.rand(1, 2 * 3 * 3, 12, 12).astype('f'))
y = ps_roi_average_pooling_2d(x, boxes / 16, np.zeros(2, 'i'), (2, 3, 3), 1, 3)
F.sum(y).backward()
assert y.shape == (2, 2, 3, 3) and x.grad.any()

# Networks.
ssd = SSD300(n_fg_class=20, pretrained_model=None)
locs, confs = ssd(random.rand(1, 3, 300, 300).astype('f'))
targets = random.randint(0, 2, confs.shape[:2]).astype('i')
loc_loss, conf_loss = multibox_loss(locs, confs, np.zeros_like(locs.array), targets, 3)
(loc_loss + conf_loss).backward()
optimizer = chainer.optimizers.SGD().setup(ssd)
for param in ssd.params():
    if param.name == 'b':
        param.update_rule.add_hook(GradientScaling(2))
optimizer.update()
assert ssd.extractor.conv1_1.W.grad.any()
with inference()[0], inference()[1]:
    found = ssd.predict([picture])
assert found[0][0].shape[1] == 4

rcnn = FasterRCNNVGG16(n_fg_class=20, pretrained_model=None)
loss = FasterRCNNTrainChain(rcnn)(random.rand(1, 3, 160, 200).astype('f'), boxes[None], labels[None], np.ones(1, 'f'))
loss.backward()
assert np.isfinite(loss.array) and rcnn.extractor.conv5_3.conv.W.grad.any() and rcnn.rpn.loc.W.grad.any()
with inference()[0], inference()[1]:
    bboxes, _, scores = rcnn.predict([picture])
assert bboxes[0].shape[1] == 4 and len(bboxes[0]) == len(scores[0])
del rcnn

with inference()[0], inference()[1]:
    assert YOLOv3(n_fg_class=20, pretrained_model=None).predict([picture])[0][0].shape[1] == 4

net = SegNetBasic(n_class=5, pretrained_model=None)
y = net(random.rand(2, 3, 64, 64).astype('f'))
F.softmax_cross_entropy(y, random.randint(0, 5, (2, 64, 64)).astype('i')).backward()
assert net.conv1.W.grad.any()
with inference()[0], inference()[1]:
    assert net.predict([picture])[0].shape == (120, 160)

net = ResNet50(n_class=10, pretrained_model=None, arch='he')
F.softmax_cross_entropy(net(random.rand(2, 3, 224, 224).astype('f')), np.array([1, 2], 'i')).backward()
assert sum(param.size for param in net.params()) == 23528586 and net.conv1.conv.W.grad.any()
assert visualizations is not None
