"""Pictures with boxes in files of PASCAL VOC and of COCO."""
import json
import re

import numpy as np
import pytest
from PIL import Image

from autograd_nn.datasets import COCOBoxDataset, VOCBoxDataset

OBJECT = ('<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x_min}</xmin>'
          '<ymin>{y_min}</ymin><xmax>{x_max}</xmax><ymax>{y_max}</ymax></bndbox></object>')
XML = ('<annotation><filename>{file}</filename><size><width>40</width><height>30</height><depth>3</depth></size>'
       '{objects}</annotation>')


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def picture(path):
    """30 x 40 pixels, a different colour in each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(path, quality=95)
    return pixels


@pytest.fixture
def voc(tmp_path):
    """A folder of two pictures: a cat and a difficult dog, and none."""
    write(tmp_path / 'ImageSets/Main/train.txt', 'a  1\nb -1\n')
    objects = (OBJECT.format(name='cat', difficult=0, x_min=1, y_min=11, x_max=40, y_max=20.5)
               + OBJECT.format(name='dog', difficult=1, x_min=5, y_min=5, x_max=5, y_max=6))
    write(tmp_path / 'Annotations/a.xml', XML.format(file='a.jpg', objects=objects))
    write(tmp_path / 'Annotations/b.xml', XML.format(file='other.png', objects=''))
    picture(tmp_path / 'JPEGImages/a.jpg')
    picture(tmp_path / 'JPEGImages/other.png')
    return tmp_path


def test_voc(voc):
    dataset = VOCBoxDataset(voc)
    assert len(dataset) == 2 and dataset.classes[7] == 'cat'
    image, boxes, labels = dataset[0]
    assert image.shape == (3, 30, 40) and image.dtype == np.float32 and 200 < image.max() <= 255
    assert boxes.tolist() == [[10, 0, 20.5, 40]] and boxes.dtype == np.float32
    assert labels.tolist() == [7] and labels.dtype == np.int32
    image, boxes, labels = dataset[1]
    np.testing.assert_array_equal(image, picture(voc / 'JPEGImages/other.png').transpose(2, 0, 1))
    assert boxes.shape == (0, 4) and labels.shape == (0,)


def test_voc_difficult_objects(voc):
    _, boxes, labels, difficult = VOCBoxDataset(voc, use_difficult=True, return_difficult=True)[0]
    assert boxes[1].tolist() == [4, 4, 6, 5]
    assert labels.tolist() == [7, 11] and difficult.tolist() == [False, True] and difficult.dtype == bool
    assert len(VOCBoxDataset(voc, return_difficult=True)[0][3]) == 1


def test_what_writers_of_voc_files_do(voc):
    """A mark of the byte order, names with spaces, flags as words."""
    (voc / 'Annotations/b.xml').rename(voc / 'Annotations/b 1.xml')
    (voc / 'Annotations/a.xml').write_text((voc / 'Annotations/a.xml').read_text().replace(
        '<difficult>0<', '<difficult>False<').replace('<difficult>1<', '<difficult>true<'))
    (voc / 'ImageSets/Main/train.txt').write_text('b 1\n\na  1\n', encoding='utf-8-sig')
    dataset = VOCBoxDataset(voc, use_difficult=True, return_difficult=True)
    assert [path.name for path, *_ in dataset.annotations] == ['other.png', 'a.jpg']
    assert dataset[1][3].tolist() == [False, True]
    (voc / 'ImageSets/Main/train.txt').write_bytes('é'.encode('latin-1'))
    with pytest.raises(ValueError, match=r'train.txt: expected text in UTF-8'):
        VOCBoxDataset(voc)


def test_voc_classes_of_ones_own(voc):
    assert VOCBoxDataset(voc, classes=['dog', 'cat'])[0][2].tolist() == [1]


def test_examples_may_be_changed(voc):
    dataset = VOCBoxDataset(voc)
    dataset[0][1][...] = 0
    assert dataset[0][1].any()


@pytest.mark.parametrize('file, text, message', [
    ('ImageSets/Main/train.txt', ' \n', 'train.txt: the file is empty'),
    ('ImageSets/Main/train.txt', 'c', 'VOCBoxDataset: there is no file .*c.xml'),
    ('Annotations/a.xml', '', 'a.xml: the file is empty'),
    ('Annotations/a.xml', '<annotation><size>', 'a.xml: this is no XML: no element found: line 1'),
    ('Annotations/a.xml', '<annotation></annotation>', 'a.xml: expected a number in size/height, got nothing'),
    ('Annotations/b.xml', XML.format(file='c.png', objects=''), 'there is no file .*b.jpg'),
    ('Annotations/b.xml', XML.format(file='other.png', objects=OBJECT.format(
        name='cow', difficult=0, x_min=3, y_min=1, x_max=42, y_max=9)),
     r'b.xml, object 1: the box .* = \(0, 2, 9, 42\) is outside its picture of 30 x 40 pixels'),
    ('Annotations/b.xml', XML.format(file='other.png', objects=OBJECT.format(
        name='cow', difficult=0, x_min=9, y_min=1, x_max=8, y_max=9)), r'object 1: the box .* has no area'),
    ('Annotations/b.xml', XML.format(file='other.png', objects=OBJECT.format(
        name='zebra', difficult=0, x_min=3, y_min=1, x_max=4, y_max=9)),
     r"object 1: the class 'zebra' is not in the list of classes \(aeroplane, bicycle"),
    ('Annotations/b.xml', XML.format(file='other.png', objects=OBJECT.format(
        name='cow', difficult=0, x_min='three', y_min=1, x_max=4, y_max=9)),
     "object 1: expected a number in bndbox/xmin, got 'three'"),
    ('Annotations/b.xml', XML.format(file='other.png', objects=OBJECT.format(
        name='cow', difficult=0, x_min='nan', y_min=1, x_max=4, y_max=9)),
     "object 1: expected a number in bndbox/xmin, got 'nan'"),
    ('Annotations/b.xml', XML.format(file='other.png', objects=OBJECT.format(
        name='cow', difficult='maybe', x_min=1, y_min=1, x_max=4, y_max=9)),
     "object 1: expected 0 or 1 in difficult, got 'maybe'")])
def test_voc_files_that_are_wrong(voc, file, text, message):
    (voc / file).write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        VOCBoxDataset(voc)
    assert '\n' not in str(error.value)


def test_voc_files_that_are_not_there(voc):
    with pytest.raises(FileNotFoundError, match=r'there is no folder .*nowhere'):
        VOCBoxDataset(voc / 'nowhere')
    with pytest.raises(FileNotFoundError, match=r'there is no file .*test.txt'):
        VOCBoxDataset(voc, 'test')
    (voc / 'JPEGImages').rename(voc / 'pictures')
    with pytest.raises(FileNotFoundError, match=r'there is no folder .*JPEGImages'):
        VOCBoxDataset(voc)


def test_a_box_of_a_program_that_counts_from_0(voc):
    write(voc / 'Annotations/a.xml', XML.format(file='a.jpg', objects=OBJECT.format(
        name='cat', difficult=0, x_min=0, y_min=0, x_max=9, y_max=9)))
    assert VOCBoxDataset(voc)[0][1].tolist() == [[0, 0, 9, 9]]


def test_a_picture_of_another_size(voc):
    Image.new('RGB', (41, 30)).save(voc / 'JPEGImages/a.jpg')
    with pytest.raises(ValueError, match=r'a.jpg: the picture has 30 x 41 pixels, but its annotation says 30 x 40'):
        VOCBoxDataset(voc)[0]


TABLES = {
    'images': [{'id': 7, 'file_name': 'b.png', 'height': 30, 'width': 40},
               {'id': 3, 'file_name': 'a.png', 'height': 30, 'width': 40}],
    'categories': [{'id': 18, 'name': 'dog'}, {'id': 1, 'name': 'person'}],
    'annotations': [{'id': 1, 'image_id': 7, 'category_id': 18, 'bbox': [2, 3.5, 10, 20], 'area': 120, 'iscrowd': 0},
                    {'id': 2, 'image_id': 7, 'category_id': 1, 'bbox': [-0.5, 0, 40.75, 30], 'iscrowd': 1},
                    {'id': 3, 'image_id': 7, 'category_id': 1, 'bbox': [2, 3, 0, 20]}]}


@pytest.fixture
def coco(tmp_path):
    """Writes a file and two pictures, and returns the arguments."""
    def coco(text=None, **changes):
        file = tmp_path / 'instances.json'
        write(file, json.dumps({**TABLES, **changes}) if text is None else text)
        for name in 'ab':
            picture(tmp_path / f'pictures/{name}.png')
        return file, tmp_path / 'pictures'
    return coco


def test_coco(coco):
    dataset = COCOBoxDataset(*coco())
    assert len(dataset) == 2 and dataset.classes == ('person', 'dog')
    image, boxes, labels = dataset[0]
    assert image.shape == (3, 30, 40) and boxes.shape == (0, 4) and labels.dtype == np.int32
    image, boxes, labels = dataset[1]
    np.testing.assert_array_equal(image, picture(coco()[1] / 'b.png').transpose(2, 0, 1))
    assert boxes.tolist() == [[3.5, 2, 23.5, 12]] and labels.tolist() == [1]


def test_coco_crowds_and_areas(coco):
    dataset = COCOBoxDataset(*coco(), ['dog', 'person'], use_crowded=True, return_area=True, return_crowded=True)
    _, boxes, labels, areas, crowded = dataset[1]
    assert boxes[1].tolist() == [0, 0, 30, 40] and labels.tolist() == [0, 1]
    assert areas.tolist() == [120, 40.75 * 30] and crowded.tolist() == [False, True]
    assert len(COCOBoxDataset(*coco(), return_crowded=True)[1]) == 4


def test_what_writers_of_coco_files_do(coco):
    """Numbers as text, flags as numbers or text, no area, ids that are text; boxes too thin to be seen are left out."""
    images = [{'id': 'x', 'file_name': 'b.png', 'height': '30', 'width': 40.}]
    item = {'image_id': 'x', 'category_id': 1, 'iscrowd': '0', 'area': None}
    boxes = [2, 3, 10, 20], [2, 3, 10, 0], [2, 20, 1e-7, 5]
    dataset = COCOBoxDataset(*coco(images=images, annotations=[{**item, 'bbox': box} for box in boxes]),
                             return_area=True, return_crowded=True)
    _, boxes, _, areas, crowded = dataset[0]
    assert (boxes.tolist(), areas.tolist(), crowded.tolist()) == ([[3, 2, 23, 12]], [200], [False])


@pytest.mark.parametrize('text, changes, message', [
    ('', {}, 'instances.json: the file is empty'),
    ('[' * 10 ** 5, {}, 'instances.json: this is no JSON'),
    (None, {'images': [], 'annotations': []}, 'instances.json: there are no images'),
    (None, {'categories': [], 'annotations': []}, 'instances.json: there are no categories'),
    (None, {'images': TABLES['images'] * 2}, 'instances.json: there are two images with the id 3'),
    (None, {'images': [{**TABLES['images'][0], 'file_name': 5}]}, r"images\[0\]: 5 is no 'file_name'"),
    (None, {'images': [{**TABLES['images'][0], 'id': None}]}, r"images\[0\]: None is no 'id'"),
    (None, {'images': [{**TABLES['images'][0], 'height': None}]}, "image .*: expected a number for 'height', got None"),
    (None, {'images': [{**TABLES['images'][0], 'width': float('nan')}]}, "expected a number for 'width', got nan"),
    (None, {'annotations': [{'image_id': [3], 'category_id': 1, 'bbox': [0, 0, 1, 1]}]},
     r"annotations\[0\]: \[3\] is no 'image_id'"),
    (None, {'annotations': [{'image_id': 7, 'category_id': 1, 'bbox': '1234'}]}, "'1234' is no 'bbox'"),
    (None, {'annotations': [{'id': 5, 'image_id': 7, 'category_id': 1, 'bbox': [0, 0, 1, 1], 'area': 'x'}]},
     "annotation 5 of b.png: expected a number for 'area', got 'x'"),
    ('{"images": [', {}, 'instances.json: this is no JSON: Expecting value: line 1 column 13'),
    ('[]', {}, "instances.json: expected an object with the lists images, categories, annotations, found no list 'im"),
    (None, {'annotations': None}, "found no list 'annotations'"),
    (None, {'images': [{'id': 3}]}, r"images\[0\]: there is no 'file_name'"),
    (None, {'images': [{'id': 3, 'file_name': 'c.png', 'height': 1, 'width': 1}]}, 'there is no file .*c.png'),
    (None, {'images': TABLES['images'][1:]}, 'there are annotations of the image 7, but no such image'),
    (None, {'annotations': [{'id': 5, 'image_id': 7, 'category_id': 2, 'bbox': [0, 0, 1, 1]}]},
     'annotation 5 of b.png: there is no category 2'),
    (None, {'annotations': [{'id': 5, 'image_id': 7, 'category_id': 1, 'bbox': [0, 0, 1]}]},
     r'annotation 5 of b.png: expected a bbox \[x, y, width, height\], got \[0, 0, 1\]'),
    (None, {'annotations': [{'image_id': 7, 'category_id': 1, 'bbox': [30, 0, 15, 20]}]},
     r'annotation without id of b.png: the box .* = \(0, 30, 20, 45\) is outside its picture of 30 x 40')])
def test_coco_files_that_are_wrong(coco, text, changes, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        COCOBoxDataset(*coco(text, **changes))
    assert '\n' not in str(error.value)


def test_coco_classes_that_are_not_in_the_list(coco):
    with pytest.raises(ValueError, match=re.escape("the class 'dog' is not in the list of classes (person)")):
        COCOBoxDataset(*coco(), ['person'])
    file, folder = coco()
    with pytest.raises(FileNotFoundError, match=r'there is no file .*nothing'):
        COCOBoxDataset(file.with_name('nothing'), folder)
    with pytest.raises(FileNotFoundError, match=r'there is no folder .*nothing'):
        COCOBoxDataset(file, folder.with_name('nothing'))
