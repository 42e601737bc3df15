"""The model zoo: published networks, built from links alone."""
import sys as _sys

from autograd_nn.models.captioning.attention import AttentionCaptioner
from autograd_nn.models.captioning.caption_network import CaptionNetwork
from autograd_nn.models.captioning.encoders import SceneNet
from autograd_nn.models.captioning.nic import NIC
from autograd_nn.models.classification.alexnet import AlexNet, OneTowerAlexNet
from autograd_nn.models.classification.binary_lenet import BinaryConnectLeNet, XNORLeNet
from autograd_nn.models.classification.darknet import Darknet19, Darknet53
from autograd_nn.models.classification.deep_convnet import DeepConvNet
from autograd_nn.models.classification.efficientnet import EfficientNetB0, EfficientNetLite0, EfficientNetV2S
from autograd_nn.models.classification.googlenet import GoogLeNet, GoogLeNetBN
from autograd_nn.models.classification.image_network import DigitNetwork, ImageNetwork
from autograd_nn.models.classification.lenet import LeNet, LeNet5, LeNetBN
from autograd_nn.models.classification.mlp import MLP
from autograd_nn.models.classification.mobilenet import MobileNet, MobileNetV2
from autograd_nn.models.classification.nin import NIN
from autograd_nn.models.classification.perceptron import (
    Perceptron,
    SingleLayerPerceptron,
    TwoLayerPerceptron,
    and_gate,
    nand_gate,
    or_gate,
    xor_gate,
)
from autograd_nn.models.classification.resnet import CifarResNet, ResNet, SEResNet
from autograd_nn.models.classification.squeezenet import SqueezeNet
from autograd_nn.models.classification.vgg import VGG
from autograd_nn.models.classification.vision_transformer import VisionTransformer
from autograd_nn.models.detection.darknet_weights import (
    DARKNET_NETWORKS,
    DarknetHeader,
    create_from_darknet,
    load_darknet,
    save_darknet,
)
from autograd_nn.models.detection.faster_rcnn import FasterRCNN
from autograd_nn.models.detection.faster_rcnn_fpn import FasterRCNNFPNResNet50
from autograd_nn.models.detection.faster_rcnn_small import FasterRCNN96
from autograd_nn.models.detection.faster_rcnn_vgg16 import FasterRCNNVGG16
from autograd_nn.models.detection.ssd import SSD
from autograd_nn.models.detection.ssd_small import SSD96
from autograd_nn.models.detection.ssd_vgg16 import SSD300, SSD512
from autograd_nn.models.detection.yolov2 import YOLOv2, YOLOv2Tiny
from autograd_nn.models.detection.yolov3 import YOLOv3
from autograd_nn.models.generative.autoencoder import Autoencoder, DenoisingAutoencoder, PictureCoder
from autograd_nn.models.generative.dcgan import DCGAN, WGANGP, gradient_penalty
from autograd_nn.models.generative.gan import (
    GAN,
    AdversarialNetwork,
    ConditionalGAN,
    deception_loss,
    discrimination_loss,
)
from autograd_nn.models.generative.generative_network import GenerativeNetwork
from autograd_nn.models.generative.pix2pix import Pix2Pix
from autograd_nn.models.generative.vae import VAE
from autograd_nn.models.layers.beam_search import Hypothesis, beam_search
from autograd_nn.models.layers.blocks import StagedChain
from autograd_nn.models.layers.ctc_decoding import ctc_beam_search, ctc_greedy
from autograd_nn.models.layers.sequence_writer import SequenceWriter
from autograd_nn.models.preprocessing import CAFFE, DIGITS, TORCHVISION, Preprocessing
from autograd_nn.models.published import load_published
from autograd_nn.models.registry import Entry, Recipe, create, get, names, register
from autograd_nn.models.reinforcement.actor_critic import ActorCritic
from autograd_nn.models.reinforcement.features import PlayingNetwork
from autograd_nn.models.reinforcement.q_network import DuelingQNetwork, QNetwork
from autograd_nn.models.representation.contrastive import ContrastiveNetwork, MoCo, SimCLR
from autograd_nn.models.segmentation.deeplab import DeepLabV3plusXception65
from autograd_nn.models.segmentation.fcn import FCN
from autograd_nn.models.segmentation.segmentation_network import SegmentationNetwork, median_frequency_weights
from autograd_nn.models.segmentation.segnet import SegNet, SegNetBasic
from autograd_nn.models.segmentation.unet import UNet
from autograd_nn.models.sequence.ctc import CRNN
from autograd_nn.models.sequence.seq2seq import Seq2Seq
from autograd_nn.models.sequence.taggers import BiLSTMCRFTagger, BiLSTMTagger
from autograd_nn.models.sequence.text_classifiers import TextBOW, TextClassifier, TextCNN, TextLSTM
from autograd_nn.models.sequence.transformer import Transformer
from autograd_nn.models.sequence.translation_network import TranslationNetwork
from autograd_nn.models.sequence.word2vec import CBOW, SkipGram, Word2Vec
from autograd_nn.models.style.fast_style import (
    FastStyleNet,
    InstanceNormalization,
    PictureTransformer,
    SuperResolutionNet,
)
from autograd_nn.models.style.losses import (
    FeatureExtractor,
    PerceptualLoss,
    content_loss,
    gram_matrix,
    style_loss,
    total_variation,
)
from autograd_nn.models.text.lstm_lm import LSTMLanguageModel
from autograd_nn.utils import hints as _hints

__all__ = [
    'CAFFE',
    'CBOW',
    'CRNN',
    'DARKNET_NETWORKS',
    'DCGAN',
    'DIGITS',
    'FCN',
    'GAN',
    'MLP',
    'NIC',
    'NIN',
    'SSD',
    'SSD96',
    'SSD300',
    'SSD512',
    'TORCHVISION',
    'VAE',
    'VGG',
    'WGANGP',
    'ActorCritic',
    'AdversarialNetwork',
    'AlexNet',
    'AttentionCaptioner',
    'Autoencoder',
    'BiLSTMCRFTagger',
    'BiLSTMTagger',
    'BinaryConnectLeNet',
    'CaptionNetwork',
    'CifarResNet',
    'ConditionalGAN',
    'ContrastiveNetwork',
    'Darknet19',
    'Darknet53',
    'DarknetHeader',
    'DeepConvNet',
    'DeepLabV3plusXception65',
    'DenoisingAutoencoder',
    'DigitNetwork',
    'DuelingQNetwork',
    'EfficientNetB0',
    'EfficientNetLite0',
    'EfficientNetV2S',
    'Entry',
    'FastStyleNet',
    'FasterRCNN',
    'FasterRCNN96',
    'FasterRCNNFPNResNet50',
    'FasterRCNNVGG16',
    'FeatureExtractor',
    'GenerativeNetwork',
    'GoogLeNet',
    'GoogLeNetBN',
    'Hypothesis',
    'ImageNetwork',
    'InstanceNormalization',
    'LSTMLanguageModel',
    'LeNet',
    'LeNet5',
    'LeNetBN',
    'MoCo',
    'MobileNet',
    'MobileNetV2',
    'OneTowerAlexNet',
    'Perceptron',
    'PerceptualLoss',
    'PictureCoder',
    'PictureTransformer',
    'Pix2Pix',
    'PlayingNetwork',
    'Preprocessing',
    'QNetwork',
    'Recipe',
    'ResNet',
    'SEResNet',
    'SceneNet',
    'SegNet',
    'SegNetBasic',
    'SegmentationNetwork',
    'Seq2Seq',
    'SequenceWriter',
    'SimCLR',
    'SingleLayerPerceptron',
    'SkipGram',
    'SqueezeNet',
    'StagedChain',
    'SuperResolutionNet',
    'TextBOW',
    'TextCNN',
    'TextClassifier',
    'TextLSTM',
    'Transformer',
    'TranslationNetwork',
    'TwoLayerPerceptron',
    'UNet',
    'VisionTransformer',
    'Word2Vec',
    'XNORLeNet',
    'YOLOv2',
    'YOLOv2Tiny',
    'YOLOv3',
    'and_gate',
    'beam_search',
    'content_loss',
    'create',
    'create_from_darknet',
    'ctc_beam_search',
    'ctc_greedy',
    'deception_loss',
    'discrimination_loss',
    'get',
    'gradient_penalty',
    'gram_matrix',
    'load_darknet',
    'load_published',
    'median_frequency_weights',
    'names',
    'nand_gate',
    'or_gate',
    'register',
    'save_darknet',
    'style_loss',
    'total_variation',
    'xor_gate',
]

# Networks have names rather than classes: models.resnet50() is told so.
_hints.explain_names({_sys.modules[__name__]: {
    _hints.simplify(name): f'here it is models.create({name!r})' for name in names()}})
