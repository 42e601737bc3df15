"""The picture of mistakes."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from autograd_nn.tasks.class_names import Captions

matplotlib = pytest.importorskip('matplotlib')


@pytest.fixture
def find(monkeypatch):
    """Stands for the fonts of the system: has Cyrillic letters."""
    def find_font(text):
        path = f'{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf'
        return None if any(ord(character) > 0x3000 for character in text) else path

    monkeypatch.setattr('autograd_nn.tasks.class_names.find_font', find_font)


def drawn(captions, index, width=1000, **around):
    """The picture of one caption, and where its ink ends."""
    picture = Image.new('L', (1000, 40), 255)
    captions.write(ImageDraw.Draw(picture), (0, 5), width, 'black', index, **around)
    pixels = np.asarray(picture)
    return pixels, int(np.flatnonzero((pixels < 255).any(axis=0)).max(initial=-1)) + 1


def expected(text, font):
    picture = Image.new('L', (1000, 40), 255)
    ImageDraw.Draw(picture).text((0, 5), text, 'black', font)
    return np.asarray(picture)


def test_any_script(find):
    captions = Captions(['кот', 'cat'], 13)
    font = ImageFont.truetype(f'{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf', 13)
    np.testing.assert_array_equal(drawn(captions, 0, before='true ')[0], expected('true кот', font))
    assert captions.explanation() == ''


def test_numbers_where_there_is_no_font(find):
    captions = Captions(['猫', 'cat', 'кот', '犬'], 13)
    plain = ImageFont.load_default(13)
    np.testing.assert_array_equal(drawn(captions, 0, after=': 9%')[0], expected('class 0: 9%', plain))
    np.testing.assert_array_equal(drawn(captions, 1)[0], expected('cat', plain))
    assert drawn(captions, 2)[1] > 0
    assert 'by their numbers: 0 猫 (' in captions.explanation() and '犬' not in captions.explanation()


def test_letters_taken_apart_are_put_together(find):
    together, apart = Captions(['й'], 13), Captions(['\u0438\u0306'], 13)
    np.testing.assert_array_equal(drawn(together, 0)[0], drawn(apart, 0)[0])


@pytest.mark.parametrize('name', ['Siamese cat, which is also known as Thai', 'кот ' * 20, '猫' * 50, ''])
def test_long_names_end_in_time(find, name):
    captions = Captions([name], 13)
    for width in 60, 110:
        assert drawn(captions, 0, width, before='true ', after=': 99.9%')[1] <= width + 1 or width == 60
