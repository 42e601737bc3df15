"""Twenty networks of chainercv2: the numbers of parameters that its page lists, and a forward pass."""
import chainer
import numpy as np
from chainercv2.model_provider import get_model

PARAMETERS = {
    'resnet10': 5418792, 'preresnet18': 11687848, 'resnext50_32x4d': 25028904, 'seresnet18': 11778592,
    'densenet121': 7978856, 'squeezenet_v1_0': 1248424, 'squeezeresnet_v1_1': 1235496, 'mobilenet_w1': 4231976,
    'mobilenetv2_w1': 3504960, 'shufflenet_g1_w1': 1531936, 'shufflenetv2_w1': 2278604, 'menet108_8x1_g3': 654516,
    'mnasnet_b1': 4383312, 'igcv3_w1': 3491688, 'efficientnet_b0': 5288548, 'fdmobilenet_w1': 2901288,
    'sqnxt23_w1': 724056, 'condensenet74_c4_g4': 4773944, 'dpn68': 12611602, 'resnet20_cifar10': 272474,
}
for name, expected in PARAMETERS.items():
    model = get_model(name, pretrained=False)
    x = np.random.RandomState(0).rand(1, 3, *model.in_size).astype('f')
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        y = model(x)
    assert model.count_params() == expected, (name, model.count_params())
    assert y.shape == (1, 10 if 'cifar' in name else 1000) and np.isfinite(y.array).all(), name
