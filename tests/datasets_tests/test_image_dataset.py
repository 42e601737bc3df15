import numpy as np
import pytest

from autograd_nn.datasets import ImageDataset, LabeledImageDataset
from support.pictures import GREY, RGB, save


def test_image_dataset(tmp_path):
    save(tmp_path / 'a.png', RGB)
    save(tmp_path / 'b.png', GREY)
    (tmp_path / 'list.txt').write_text('a.png\nb.png\n')
    for dataset in (ImageDataset(['a.png', 'b.png'], tmp_path), ImageDataset(str(tmp_path / 'list.txt'), tmp_path)):
        assert len(dataset) == 2
        np.testing.assert_array_equal(dataset[0], RGB.transpose(2, 0, 1))
        assert dataset[1].shape == (1, 4, 6) and dataset[1].dtype == np.float32
    assert ImageDataset([tmp_path / 'a.png'], dtype=np.int32)[0].dtype == np.int32


def test_labeled_image_dataset(tmp_path):
    save(tmp_path / 'a.png', RGB)
    save(tmp_path / 'b b.png', GREY)
    (tmp_path / 'list.txt').write_text('a.png 3\n\nb b.png\t-1\n')
    for pairs in ([('a.png', 3), ('b b.png', -1)], tmp_path / 'list.txt'):
        dataset = LabeledImageDataset(pairs, tmp_path)
        assert len(dataset) == 2
        image, label = dataset[0]
        np.testing.assert_array_equal(image, RGB.transpose(2, 0, 1))
        assert (label, label.dtype, label.shape) == (3, np.int32, ())
        assert dataset[1][1] == -1
    assert LabeledImageDataset([('a.png', 3)], tmp_path, np.float64, np.int8)[0][1].dtype == np.int8
    (tmp_path / 'wrong.txt').write_text('a.png 1\nb.png x\n')
    with pytest.raises(ValueError, match=r"line 2 of .*wrong\.txt.*got 'b\.png x'"):
        LabeledImageDataset(tmp_path / 'wrong.txt')
