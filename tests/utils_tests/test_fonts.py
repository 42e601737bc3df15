"""Fonts of the system. The tests bring their own: matplotlib's, which have Cyrillic letters and no Japanese ones."""
import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import ImageFont

from autograd_nn.utils.fonts import find_font, has_characters

matplotlib = pytest.importorskip('matplotlib')
DEJAVU = Path(matplotlib.get_data_path(), 'fonts/ttf')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The only folder of fonts."""
    monkeypatch.setattr(sys, 'platform', 'linux')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path / 'own'))
    monkeypatch.setenv('XDG_DATA_DIRS', os.pathsep.join([str(tmp_path / 'nothing'), str(tmp_path / 'shared')]))
    fonts = tmp_path / 'shared' / 'fonts' / 'truetype'
    fonts.mkdir(parents=True)
    return fonts


def test_no_fonts_or_none_that_fits(folder):
    assert find_font('кот') is None
    shutil.copy(DEJAVU / 'DejaVuSans.ttf', folder)
    assert find_font('猫') is None and find_font('кот 猫') is None


def test_plain_font_is_preferred(folder):
    for name in 'DejaVuSans-Bold.ttf', 'DejaVuSans.ttf', 'DejaVuSansMono-Oblique.ttf', 'DejaVuSerif.ttf':
        shutil.copy(DEJAVU / name, folder)
    assert find_font('мышь').name == 'DejaVuSans.ttf'


def test_damaged_fonts_are_passed_over(folder):
    (folder / 'a.ttf').write_bytes(b'no font')
    (folder / 'b.otf').mkdir()
    shutil.copy(DEJAVU / 'DejaVuSerif-Italic.ttf', folder / 'c.TTF')
    assert find_font('птица') == folder / 'c.TTF'


def test_characters():
    font = ImageFont.truetype(str(DEJAVU / 'DejaVuSans.ttf'), 13)
    assert has_characters(font, 'кот λ é\n\t ') and has_characters(font, '')
    assert not has_characters(font, 'кот 猫')
