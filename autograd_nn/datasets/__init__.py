"""Data sets: general ones that arrange the examples of others, and well-known ones."""
from autograd_nn.datasets import transforms
from autograd_nn.datasets.analogy_corpus import make_analogy_corpus
from autograd_nn.datasets.augmented_dataset import AugmentedDataset
from autograd_nn.datasets.caption_dataset import CaptionDataset, RandomSentences
from autograd_nn.datasets.cifar import get_cifar10, get_cifar10_labels, get_cifar100, get_cifar100_labels
from autograd_nn.datasets.coco import COCOBoxDataset
from autograd_nn.datasets.concatenated_dataset import ConcatenatedDataset
from autograd_nn.datasets.context_windows import ContextWindows
from autograd_nn.datasets.date_spellings import DateSpellings, spell_date
from autograd_nn.datasets.dict_dataset import DictDataset
from autograd_nn.datasets.digit_scenes import DigitScenes, Scene, boxes_of_masks
from autograd_nn.datasets.digit_strips import DigitStrips, prepare_line
from autograd_nn.datasets.image_dataset import (
    ImageDataset,
    LabeledImageDataset,
    LabeledZippedImageDataset,
    MultiZippedImageDataset,
    ZippedImageDataset,
)
from autograd_nn.datasets.image_folder import ImageFolderDataset
from autograd_nn.datasets.kuzushiji_mnist import get_kuzushiji_mnist, get_kuzushiji_mnist_labels
from autograd_nn.datasets.label_maps import label_map_of_scene, read_label_map, write_label_map
from autograd_nn.datasets.mnist import get_digits, get_fashion_mnist, get_fashion_mnist_labels, get_mnist
from autograd_nn.datasets.parallel_texts import find_parallel_texts, read_parallel_texts
from autograd_nn.datasets.pickle_dataset import (
    PickleDataset,
    PickleDatasetWriter,
    open_pickle_dataset,
    open_pickle_dataset_writer,
)
from autograd_nn.datasets.picture_pairs import DigitOutlines, PicturePairDataset, outline
from autograd_nn.datasets.prepare_digit import prepare_digit
from autograd_nn.datasets.ptb import get_ptb_words, get_ptb_words_vocabulary
from autograd_nn.datasets.read_image import read_image
from autograd_nn.datasets.reviews import get_reviews, make_reviews
from autograd_nn.datasets.scene_captions import DigitSceneCaptions, describe_scene
from autograd_nn.datasets.segmentation_folder import (
    VOC_SEGMENTATION_CLASSES,
    LabelMapDataset,
    SegmentationFolderDataset,
    VOCSemanticSegmentationDataset,
)
from autograd_nn.datasets.sentences import MarkedVocabulary, SentenceVocabulary, pad_sentences, split_sentence
from autograd_nn.datasets.short_texts import get_short_texts
from autograd_nn.datasets.sub_dataset import (
    SubDataset,
    get_cross_validation_datasets,
    get_cross_validation_datasets_random,
    split_dataset,
    split_dataset_n,
    split_dataset_n_random,
    split_dataset_random,
)
from autograd_nn.datasets.subwords import SubwordVocabulary, load_vocabulary
from autograd_nn.datasets.svhn import get_svhn
from autograd_nn.datasets.tagged_sentences import (
    get_tagged_sentences,
    make_tagged_sentences,
    read_tagged_sentences,
)
from autograd_nn.datasets.text import Vocabulary, parallel_streams, read_text
from autograd_nn.datasets.text_dataset import TextDataset
from autograd_nn.datasets.transform_dataset import TransformDataset
from autograd_nn.datasets.transforms import standard_augmentation
from autograd_nn.datasets.tuple_dataset import TupleDataset
from autograd_nn.datasets.voc import VOC_CLASSES, VOCBoxDataset
from autograd_nn.datasets.word_vectors import WordVectors, read_analogies

__all__ = [
    'VOC_CLASSES',
    'VOC_SEGMENTATION_CLASSES',
    'AugmentedDataset',
    'COCOBoxDataset',
    'CaptionDataset',
    'ConcatenatedDataset',
    'ContextWindows',
    'DateSpellings',
    'DictDataset',
    'DigitOutlines',
    'DigitSceneCaptions',
    'DigitScenes',
    'DigitStrips',
    'ImageDataset',
    'ImageFolderDataset',
    'LabelMapDataset',
    'LabeledImageDataset',
    'LabeledZippedImageDataset',
    'MarkedVocabulary',
    'MultiZippedImageDataset',
    'PickleDataset',
    'PickleDatasetWriter',
    'PicturePairDataset',
    'RandomSentences',
    'Scene',
    'SegmentationFolderDataset',
    'SentenceVocabulary',
    'SubDataset',
    'SubwordVocabulary',
    'TextDataset',
    'TransformDataset',
    'TupleDataset',
    'VOCBoxDataset',
    'VOCSemanticSegmentationDataset',
    'Vocabulary',
    'WordVectors',
    'ZippedImageDataset',
    'boxes_of_masks',
    'describe_scene',
    'find_parallel_texts',
    'get_cifar10',
    'get_cifar10_labels',
    'get_cifar100',
    'get_cifar100_labels',
    'get_cross_validation_datasets',
    'get_cross_validation_datasets_random',
    'get_digits',
    'get_fashion_mnist',
    'get_fashion_mnist_labels',
    'get_kuzushiji_mnist',
    'get_kuzushiji_mnist_labels',
    'get_mnist',
    'get_ptb_words',
    'get_ptb_words_vocabulary',
    'get_reviews',
    'get_short_texts',
    'get_svhn',
    'get_tagged_sentences',
    'label_map_of_scene',
    'load_vocabulary',
    'make_analogy_corpus',
    'make_reviews',
    'make_tagged_sentences',
    'open_pickle_dataset',
    'open_pickle_dataset_writer',
    'outline',
    'pad_sentences',
    'parallel_streams',
    'prepare_digit',
    'prepare_line',
    'read_analogies',
    'read_image',
    'read_label_map',
    'read_parallel_texts',
    'read_tagged_sentences',
    'read_text',
    'spell_date',
    'split_dataset',
    'split_dataset_n',
    'split_dataset_n_random',
    'split_dataset_random',
    'split_sentence',
    'standard_augmentation',
    'transforms',
    'write_label_map',
]
