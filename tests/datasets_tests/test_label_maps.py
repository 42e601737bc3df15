"""Label maps as files and pictures, and folders of them."""
import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from autograd_nn.datasets import (
    VOC_SEGMENTATION_CLASSES,
    DigitScenes,
    LabelMapDataset,
    SegmentationFolderDataset,
    VOCSemanticSegmentationDataset,
    label_map_of_scene,
    read_label_map,
    write_label_map,
)
from autograd_nn.utils import draw_label_map, voc_colormap


def test_the_colours_of_voc():
    """As in the development kit's table."""
    colors = voc_colormap()
    assert colors.shape == (256, 3) and colors.dtype == np.uint8
    for number, color in {1: (128, 0, 0), 7: (128, 128, 128), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128),
                          255: (224, 224, 192)}.items():
        assert tuple(colors[number]) == color
    assert len({tuple(color) for color in colors.tolist()}) == 256


def png_of_bits(numbers, bits):
    """A PNG in grey of one row whose pixels have few bits, which Pillow does not write."""
    row = int(''.join(f'{number:0{bits}b}' for number in numbers), 2).to_bytes(len(numbers) * bits // 8, 'big')
    chunks = [(b'IHDR', struct.pack('>IIBBBBB', len(numbers), 1, bits, 0, 0, 0, 0)),
              (b'IDAT', zlib.compress(b'\0' + row)), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(struct.pack('>I', len(data)) + kind + data
                                          + struct.pack('>I', zlib.crc32(kind + data)) for kind, data in chunks)


class TestFiles:
    def test_there_and_back(self, tmp_path):
        labels = np.random.default_rng(0).integers(-1, 255, (7, 9)).astype('i')
        write_label_map(tmp_path / 'mask.png', labels)
        found = read_label_map(tmp_path / 'mask.png')
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, labels)
        with Image.open(tmp_path / 'mask.png') as picture:
            assert picture.mode == 'P'
            np.testing.assert_array_equal(np.asarray(picture.convert('RGB')), voc_colormap()[labels])

    def test_colours_of_ones_own_and_a_file_object(self):
        file = io.BytesIO()
        write_label_map(file, np.array([[0, 1], [2, -1]]), np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
        with Image.open(file) as picture:
            assert np.asarray(picture.convert('RGB')).reshape(-1, 3)[:3].tolist() == [[1, 2, 3], [4, 5, 6], [0, 128, 0]]
        assert read_label_map(file).tolist() == [[0, 1], [2, -1]]

    @pytest.mark.parametrize(('mode', 'expected'), [('L', [[0, 3, -1]]), ('1', [[0, 1, 1]])])
    def test_grey(self, mode, expected):
        file = io.BytesIO()
        Image.fromarray(np.array([[0, 3, 255]], np.uint8)).point(lambda x: x, mode if mode == 'L' else None).convert(
            mode, dither=Image.Dither.NONE).save(file, 'PNG')
        found = read_label_map(file)
        assert found.tolist() == (expected if mode == 'L' else [[0, 0, 1]])

    @pytest.mark.parametrize(('bits', 'numbers'), [(2, [0, 1, 2, 3]), (4, [0, 7, 14, 15]), (8, [0, 3, 17, 85])])
    def test_grey_of_few_bits(self, bits, numbers, tmp_path):
        (tmp_path / 'mask.png').write_bytes(png_of_bits(numbers, bits))
        assert read_label_map(tmp_path / 'mask.png').tolist() == [numbers]
        assert read_label_map(io.BytesIO(png_of_bits(numbers, bits))).tolist() == [numbers]

    @pytest.mark.parametrize(('content', 'numbers'), [
        (b'P5 4 1 3\n\0\1\2\3', [0, 1, 2, 3]), (b'P2 4 1 5\n0 1 4 5\n', [0, 1, 4, 5]),
        (b'P5 4 1 255\n\0\1\2\xff', [0, 1, 2, -1])])
    def test_grey_of_a_brightest_number(self, content, numbers):
        assert read_label_map(io.BytesIO(content)).tolist() == [numbers]

    def test_upright(self, tmp_path):
        exif = Image.Exif()
        exif[274] = 6  # a quarter turn clockwise
        Image.fromarray(np.array([[1, 2, 3], [4, 5, 6]], np.uint8)).save(tmp_path / 'mask.png', exif=exif)
        assert read_label_map(tmp_path / 'mask.png').tolist() == [[4, 1], [5, 2], [6, 3]]

    @pytest.mark.parametrize(('kind', 'options'), [
        ('JPEG', {}), ('JPEG2000', {}), ('TIFF', {'compression': 'jpeg'})])
    def test_formats_with_loss(self, kind, options, tmp_path):
        Image.new('L', (8, 8)).save(tmp_path / 'mask', kind, **options)
        with pytest.raises(ValueError, match=f'mask: expected a format without loss, such as PNG, got {kind}'):
            read_label_map(tmp_path / 'mask')

    def test_errors_name_the_path(self, tmp_path):
        Image.new('RGB', (3, 2)).save(tmp_path / '0.png')
        for path in tmp_path / '0.png', str(tmp_path / '0.png'):
            with pytest.raises(ValueError, match=re.escape(f'read_label_map: {tmp_path / "0.png"}: expected')):
                read_label_map(path)
        Image.fromarray(np.random.default_rng(0).integers(0, 9, (99, 99)).astype('u1')).save(tmp_path / '0.png')
        (tmp_path / '0.png').write_bytes((tmp_path / '0.png').read_bytes()[:999])
        with pytest.raises(OSError, match=re.escape(f'cannot read the label map {tmp_path / "0.png"}: image file is')):
            read_label_map(tmp_path / '0.png')

    def test_nonsense(self, tmp_path):
        Image.new('RGB', (3, 2)).save(tmp_path / 'colours.png')
        with pytest.raises(ValueError, match=r'colours.png: expected numbers of classes .* got a picture of mode RGB'):
            read_label_map(tmp_path / 'colours.png')
        for labels in np.array([[255]]), np.array([[-2]]), np.array([1]):
            with pytest.raises(ValueError, match=r'expected labels of shape \(H, W\), from -1 to 254'):
                write_label_map(tmp_path / 'mask.png', labels)


class TestScenes:
    def test_each_pixel_has_its_digit(self):
        scene = DigitScenes(3, size=(40, 50))[1]
        labels = label_map_of_scene(scene)
        for i, j in np.ndindex(labels.shape):
            owners = [label for mask, label in zip(scene.masks, scene.labels) if mask[i, j]]
            assert labels[i, j] == (owners[0] + 1 if owners else 0)

    def test_a_border_does_not_matter(self):
        scene = DigitScenes(3, size=(40, 50))[1]
        whole, bordered = label_map_of_scene(scene), label_map_of_scene(scene, border=1)
        assert bordered.dtype == np.int32
        for i, j in np.ndindex(whole.shape):
            around = whole[max(i - 1, 0):i + 2, max(j - 1, 0):j + 2]
            assert bordered[i, j] == (whole[i, j] if (around == whole[i, j]).all() else -1)


class TestDrawing:
    def test_colours_over_the_picture(self):
        image = np.full((3, 2, 2), 100, np.uint8)
        picture = draw_label_map(image, np.array([[0, 1], [2, -1]]), ['ground', 'cat', 'dog'], opacity=0.5,
                                 legend=False)
        assert np.asarray(picture).tolist() == [[[100, 100, 100], [114, 50, 50]], [[50, 114, 50], [255, 255, 255]]]

    def test_a_legend_of_the_classes_there_are(self):
        image, labels = np.zeros((3, 60, 80), 'f'), np.zeros((60, 80), 'i')
        labels[:10] = 2
        without = draw_label_map(image, labels, ['ground', 'cat', 'dog'], legend=False)
        picture = draw_label_map(image, labels, ['ground', 'cat', 'dog'])
        assert without.size == (80, 60) and picture.width > 80 and picture.height == 60
        beside = {tuple(color) for color in np.asarray(picture)[:, 80:].reshape(-1, 3).tolist()}
        assert (0, 128, 0) in beside and (0, 0, 0) in beside and (128, 0, 0) not in beside

    def test_nonsense(self):
        image = np.zeros((3, 4, 5))
        with pytest.raises(ValueError, match=r'labels of shape \(5, 4\) do not fit an image of shape \(3, 4, 5\)'):
            draw_label_map(image, np.zeros((5, 4), int), ['ground'])
        with pytest.raises(ValueError, match='expected classes from 0 to 0, for which there are names; got 1'):
            draw_label_map(image, np.ones((4, 5), int), ['ground'])


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for i, size in enumerate([(12, 15), (9, 7)]):
        (tmp_path / 'images' / 'deeper').mkdir(parents=True, exist_ok=True)
        (tmp_path / 'masks' / 'deeper').mkdir(parents=True, exist_ok=True)
        name = ['a', 'deeper/b.c'][i]
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / 'images' / f'{name}.jpg')
        write_label_map(tmp_path / 'masks' / f'{name}.png', np.where(rng.random(size) < 0.2, -1, i))
    return tmp_path


class TestFolder:
    def test_pairs(self, folder):
        data = SegmentationFolderDataset(folder)
        assert len(data) == 2 and data.classes == ['0', '1']
        for i, size in enumerate([(12, 15), (9, 7)]):
            image, labels = data[i]
            assert image.dtype == np.float32 and image.shape == (3, *size)
            assert labels.dtype == np.int32 and set(np.unique(labels)) == {-1, i}
        assert data.count_pixels().tolist() == [int((data[0][1] == 0).sum()), int((data[1][1] == 1).sum())]

    def test_names(self, folder):
        (folder / 'labels.txt').write_text('ground\ncat\n dog \n\n', encoding='utf-8-sig')
        assert SegmentationFolderDataset(folder).classes == ['ground', 'cat', 'dog']
        assert SegmentationFolderDataset(folder, ['x', 'y']).classes == ['x', 'y']
        for content, message in ((b'ground\n\ncat', 'none in line 2'), (b'\nground', 'none in line 1'),
                                 (b'a\nb\na', "the class 'a' stands there twice"), (b'\xe9t\xe9', 'UTF-8'),
                                 (b' \n', 'the file is empty')):
            (folder / 'labels.txt').write_bytes(content)
            with pytest.raises(ValueError, match=f'labels.txt: .*{message}'):
                SegmentationFolderDataset(folder)

    def test_a_photograph_on_its_side(self, folder):
        exif = Image.Exif()
        exif[274] = 6
        Image.new('RGB', (12, 15)).save(folder / 'images' / 'a.jpg', exif=exif)
        assert SegmentationFolderDataset(folder)[0][0].shape == (3, 12, 15)

    def test_a_mask_of_another_size(self, folder):
        write_label_map(folder / 'masks' / 'a.png', np.zeros((12, 14), int))
        with pytest.raises(ValueError, match=r'a.png has 12 x 14 pixels \(height x width\), but its picture .*a.jpg '
                                             'has 12 x 15'):
            SegmentationFolderDataset(folder)

    def test_a_class_that_is_not_in_the_list(self, folder):
        with pytest.raises(ValueError, match=r'b.c.png has the class 1; expected .* from 0 to 0 \(ground\), or 255'):
            SegmentationFolderDataset(folder, ['ground'])

    def test_a_picture_without_a_mask_and_the_reverse(self, folder):
        (folder / 'masks' / 'a.png').rename(folder / 'masks' / 'z.png')
        with pytest.raises(ValueError, match=r'a.jpg has no label map: there is no a with'):
            SegmentationFolderDataset(folder)
        (folder / 'images' / 'a.jpg').unlink()
        with pytest.raises(ValueError, match=r'z.png has no picture: there is no z with'):
            SegmentationFolderDataset(folder)

    def test_two_files_of_one_name(self, folder):
        Image.new('RGB', (15, 12)).save(folder / 'images' / 'a.png')
        with pytest.raises(ValueError, match=r'one file of each name .*, got .*images/a.jpg and .*images/a.png'):
            SegmentationFolderDataset(folder)

    def test_masks_in_which_no_pixel_counts(self, folder):
        for name in 'a.png', 'deeper/b.c.png':
            mask = folder / 'masks' / name
            write_label_map(mask, np.full(read_label_map(mask).shape, -1))
        for classes in None, ['ground', 'cat']:
            with pytest.raises(ValueError, match=r'two classes in .*masks, found no class; 255 stands for'):
                SegmentationFolderDataset(folder, classes)

    def test_masks_of_the_ground_alone(self, folder):
        write_label_map(folder / 'masks/deeper/b.c.png', np.zeros((9, 7), int))
        for classes in None, ['0']:
            with pytest.raises(ValueError, match=r'found the class 0 alone; 255 stands for pixels that do not count'):
                SegmentationFolderDataset(folder, classes)
        assert len(SegmentationFolderDataset(folder, ['ground', 'cat'])) == 2  # as a small part to test with may be

    def test_empty_folders(self, folder, tmp_path):
        for path in (folder / 'images').rglob('*.jpg'):
            path.unlink()
        with pytest.raises(ValueError, match=r'SegmentationFolderDataset: no pictures in .*images; expected'):
            SegmentationFolderDataset(folder)
        with pytest.raises(FileNotFoundError, match=r'there is no folder .*images; expected pictures'):
            SegmentationFolderDataset(tmp_path / 'masks')

    def test_errors_have_one_line(self, folder):
        (folder / 'masks' / 'a.png').write_bytes(b'no picture')
        with pytest.raises(OSError, match=r'cannot read the image .*a.png') as caught:
            SegmentationFolderDataset(folder)
        assert '\n' not in str(caught.value)

    def test_lists_of_files(self, folder):
        with pytest.raises(ValueError, match='got 1 images and 0 masks'):
            LabelMapDataset([folder / 'images' / 'a.jpg'], [], ['ground'])
        with pytest.raises(ValueError, match='expected from 1 to 255 names of classes, got 0'):
            LabelMapDataset([], [], [])


class TestVOC:
    def make(self, root):
        for name in 'JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation':
            (root / name).mkdir(parents=True)
        (root / 'ImageSets/Segmentation/train.txt').write_text('2007_1\n2007_2\n')
        for i, name in enumerate(['2007_1', '2007_2'], start=1):
            Image.new('RGB', (6, 5)).save(root / 'JPEGImages' / f'{name}.jpg')
            write_label_map(root / 'SegmentationClass' / f'{name}.png', np.full((5, 6), 10 * i))
        return root

    def test_layout(self, tmp_path):
        data = VOCSemanticSegmentationDataset(self.make(tmp_path))
        assert len(data) == 2 and data.classes[20] == 'tvmonitor'
        assert len(VOC_SEGMENTATION_CLASSES) == 21
        assert data[1][0].shape == (3, 5, 6) and set(data[1][1].flat) == {20}

    def test_nonsense(self, tmp_path):
        root = self.make(tmp_path)
        with pytest.raises(FileNotFoundError, match=r"there is no .*val.txt; expected the layout of PASCAL VOC"):
            VOCSemanticSegmentationDataset(root, 'val')
        write_label_map(root / 'SegmentationClass' / '2007_1.png', np.full((5, 6), 21))
        with pytest.raises(ValueError, match=r'2007_1.png has the class 21; expected classes from 0 to 20'):
            VOCSemanticSegmentationDataset(root)[0]
        (root / 'SegmentationClass' / '2007_1.png').unlink()
        with pytest.raises(FileNotFoundError, match=r'names a picture that is missing: .*2007_1.png'):
            VOCSemanticSegmentationDataset(root)
        (root / 'ImageSets/Segmentation/train.txt').write_text('')
        with pytest.raises(ValueError, match=r'train.txt: the file is empty'):
            VOCSemanticSegmentationDataset(root)
