"""The texts that come with the package."""
import pytest

from autograd_nn import datasets

AUTHORS = 'Shall I compare thee', 'Tyger Tyger', 'daffodils', 'Four score', 'Jabberwock', 'White Rabbit'
BEGINNINGS = ('吾輩は猫', '親譲り', '山路を', '羅生門', '御釈迦様', 'メロスは', '雨ニモ', '祇園精舎', 'ゆく河',
              '春はあけぼの', 'つれづれ', 'あきのたの')


@pytest.mark.parametrize('language, length, parts', [('en', 9000, AUTHORS), ('ja', 5000, BEGINNINGS)])
def test_texts_are_whole(language, length, parts):
    text = datasets.get_short_texts(language)
    assert 0.9 * length < len(text) < 1.1 * length
    assert [part for part in parts if part not in text] == []
    assert text.endswith('\n') and '\n\n\n' not in text and '\ufffd' not in text
    assert [line for line in text.split('\n') if line != line.strip()] == []


def test_languages():
    assert datasets.get_short_texts() == datasets.get_short_texts('en')
    assert datasets.get_short_texts().isascii()


def test_poems_have_two_halves_each():
    poems = datasets.get_short_texts('ja').split('\n\n')[-1].splitlines()
    assert len(poems) == 71 == len(set(poems))
    assert all(len(poem.split('　')) == 2 and 30 <= len(poem) <= 35 for poem in poems)


@pytest.mark.parametrize('language', ['fr', '../text', ''])
def test_unknown_language(language):
    with pytest.raises(ValueError, match=r"get_short_texts: expected 'en' or 'ja', got '"):
        datasets.get_short_texts(language)
