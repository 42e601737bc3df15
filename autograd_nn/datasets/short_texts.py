"""Short texts that everybody knows, in English and in Japanese: nothing but this package."""
from __future__ import annotations

from pathlib import Path

from autograd_nn.datasets.text import read_text

LANGUAGES = ('en', 'ja')


def get_short_texts(language: str = 'en') -> str:
    """Poems and beginnings of books that come with this package, one after the other, with an empty line in between.

    They are in the public domain. The English ones are 9,000 characters:

    - Lewis Carroll, the beginning of *Alice's Adventures in Wonderland* (1865), and *Jabberwocky* (1871);
    - Abraham Lincoln, the *Gettysburg Address* (1863);
    - William Blake, *The Tyger* (1794);
    - William Wordsworth, *I Wandered Lonely as a Cloud* (1807);
    - William Shakespeare, the sonnets 29, 30, 73, 116, 130 and 18 (1609).

    The Japanese ones are 5,000 characters:

    - 夏目漱石 (Natsume Sōseki), the beginnings of 吾輩は猫である (1905), 坊っちゃん (1906) and 草枕 (1906);
    - 芥川龍之介 (Akutagawa Ryūnosuke), those of 羅生門 (1915) and 蜘蛛の糸 (1918);
    - 太宰治 (Dazai Osamu), that of 走れメロス (1940);
    - 宮沢賢治 (Miyazawa Kenji), 雨ニモマケズ (1931);
    - the beginnings of 平家物語 (13th century), of 鴨長明 (Kamo no Chōmei), 方丈記 (1212), of 清少納言 (Sei Shōnagon),
      枕草子 (about 1000), and of 吉田兼好 (Yoshida Kenkō), 徒然草 (about 1330);
    - 71 poems of the 百人一首 (about 1235) in kana, as on the cards.

    Args:
        language: ``'en'`` or ``'ja'``.

    Returns:
        The text.

    Raises:
        ValueError: There are none in that language.

    Example:
        >>> from autograd_nn.datasets import get_short_texts
        >>> print(get_short_texts()[:60])
        Alice was beginning to get very tired of sitting by her sist
        >>> print(get_short_texts('ja')[:16])
        吾輩は猫である。名前はまだ無い。
    """
    if language not in LANGUAGES:
        raise ValueError(f'get_short_texts: expected {" or ".join(map(repr, LANGUAGES))}, got {language!r}')
    return read_text(Path(__file__).with_name(f'short_texts_{language}.txt'))
