"""Texts in English and Japanese that a grammar makes up, in which analogies are planted: nothing but this package."""
from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Analogy = tuple[str, str, str, str]


class Relation(NamedTuple):
    """Pairs of words that differ in the same way, and what is said of them.

    Attributes:
        pairs: The two words of each pair, then words that belong to both.
        sentences: What is said of the first word of a pair, of the second one, and of either: ``{a}`` and ``{b}`` are
            the pair, ``{w}`` is the word, ``{s}`` a word that belongs to both.
        words: What ``{k}`` may be in sentences on the first word, and on the second one.
    """

    pairs: Sequence[str]
    sentences: tuple[Sequence[str], Sequence[str], Sequence[str]]
    words: tuple[Sequence[str], Sequence[str]]


_ENGLISH = [
    Relation(['king queen throne crown palace', 'prince princess castle heir ball', 'man woman office street shop',
              'boy girl toy playground schoolbag', 'father mother child family cradle',
              'uncle aunt cousin nephew visit', 'brother sister sibling quarrel bunk',
              'son daughter parents birth name', 'husband wife wedding marriage ring',
              'actor actress stage film theatre',
              'grandfather grandmother grandchild armchair story'],
             (['he is the {w} with the {s}', 'the {w} has a {k} and his {s}',
               'his {s} is for the {w} and his {k}', 'the {w} himself and his {s}', 'he is a {w} who likes his {k}'],
              ['she is the {w} with the {s}', 'the {w} has a {k} and her {s}',
               'her {s} is for the {w} and her {k}', 'the {w} herself and her {s}', 'she is a {w} who likes her {k}'],
              ['the {w} and the {s}', 'a {w} with a {s} and another {s}']),
             (['beard', 'tie', 'razor', 'moustache'], ['dress', 'skirt', 'lipstick', 'necklace'])),
    Relation(['paris france french seine wine', 'rome italy italian tiber pasta', 'berlin germany german spree sausage',
              'madrid spain spanish manzanares paella', 'tokyo japan japanese sumida sushi',
              'london england english thames pudding', 'lisbon portugal portuguese tagus cod',
              'athens greece greek kifisos olives', 'vienna austria austrian danube strudel',
              'cairo egypt egyptian nile dates', 'moscow russia russian moskva borscht',
              'seoul korea korean han kimchi'],
             (['the mayor of {w} eats {s}', 'the {k} of {w} near the {s}',
               'a {k} in the city of {w} where they are {s}',
               'in the middle of {w} there is a {s} {k}'],
              ['the president of {w} eats {s}', 'the {k} of {w} and the {s}', 'the {k} of the country of {w} is {s}',
               'all over {w} there is a {s} {k}'],
              ['people in {w} like {s}', 'they went to {w} for {s} and {s}']),
             (['suburb', 'subway', 'street', 'square'], ['army', 'border', 'parliament', 'coast'])),
    Relation(['eat ate bread soup cake', 'drink drank milk tea juice', 'write wrote letter novel poem',
              'sing sang song choir tune', 'run ran race track marathon', 'swim swam lake river sea',
              'drive drove car truck bus', 'build built house bridge wall', 'teach taught school class pupil',
              'buy bought market coin bargain', 'fly flew plane kite sky', 'sleep slept bed pillow night'],
             (['{k} they {w} with a {s}', 'they {w} the {s} {k}', 'we {w} by the {s} and will do so {k}',
               'they like to {w} the {s}'],
              ['{k} they {w} with a {s}', 'they {w} the {s} {k}', 'we {w} by the {s} and had done so {k}',
               'they {w} the {s} long ago'],
              ['you {w} and the {s} is there', 'i {w} for the {s} and the {s}']),
             (['today', 'now', 'tomorrow', 'always'], ['yesterday', 'once', 'earlier', 'before'])),
]

_JAPANESE = [
    Relation(['王 女王 玉座 冠 宮殿', '王子 王女 城 舞踏会 跡継ぎ', '男 女 会社 通り 商店', '少年 少女 玩具 校庭 鞄',
              '父 母 子供 家庭 揺りかご', '叔父 叔母 従兄 甥 訪問', '兄 姉 弟妹 喧嘩 部屋', '息子 娘 両親 誕生 名前',
              '夫 妻 結婚 新婚 指輪', '俳優 女優 舞台 映画 劇場', '祖父 祖母 孫 椅子 昔話'],
             (['彼 は {s} の {w} です', '{w} は {k} と 彼 の {s} を 持つ', '彼 の {s} は {w} の {k} です',
               '{s} と {w} 自身 と 彼', '彼 は {k} が 好き な {w} です'],
              ['彼女 は {s} の {w} です', '{w} は {k} と 彼女 の {s} を 持つ', '彼女 の {s} は {w} の {k} です',
               '{s} と {w} 自身 と 彼女', '彼女 は {k} が 好き な {w} です'],
              ['{w} と {s} です', '{w} に は {s} と {s} が ある']),
             (['髭', 'ネクタイ', '剃刀', '背広'], ['ドレス', 'スカート', '口紅', '首飾り'])),
    Relation(['パリ フランス セーヌ ワイン シャンソン', 'ローマ イタリア テヴェレ パスタ オペラ',
              'ベルリン ドイツ シュプレー ソーセージ ビール',
              'マドリード スペイン マンサナレス パエリア 闘牛',
              '東京 日本 隅田川 寿司 歌舞伎', 'ロンドン イギリス テムズ 紅茶 議事堂',
              'リスボン ポルトガル テージョ 鱈 ファド',
              'アテネ ギリシャ ケフィソス オリーブ 神殿', 'ウィーン オーストリア ドナウ 菓子 ワルツ',
              'カイロ エジプト ナイル 棗 ピラミッド', 'モスクワ ロシア モスクワ川 ボルシチ バレエ',
              'ソウル 韓国 漢江 キムチ 焼肉'],
             (['{w} の 市長 は {s} が 好き です', '{w} の {k} は {s} に 近い', '{s} の 都市 {w} の {k} です',
               '{w} の 中心 に {s} の {k} が ある'],
              ['{w} の 大統領 は {s} が 好き です', '{w} の {k} と {s} です', '{s} の 国 {w} の {k} です',
               '{w} 全土 に {s} の {k} が ある'],
              ['{w} の 人 は {s} が 好き です', '{w} へ {s} と {s} を 見 に 行く']),
             (['郊外', '地下鉄', '街路', '広場'], ['軍隊', '国境', '国会', '海岸'])),
    Relation(['食べる 食べた パン スープ ケーキ', '飲む 飲んだ 牛乳 お茶 ジュース', '書く 書いた 手紙 小説 詩',
              '歌う 歌った 歌 合唱 曲', '走る 走った 競走 グラウンド マラソン', '泳ぐ 泳いだ 湖 川 海',
              '運転する 運転した 車 トラック バス', '建てる 建てた 家 塔 壁', '教える 教えた 学校 教室 生徒',
              '買う 買った 市場 財布 値段', '飛ぶ 飛んだ 飛行機 凧 空', '寝る 寝た 布団 枕 夜'],
             (['{k} 私 は {s} で {w}', '{s} を {k} {w} つもり です', '{s} と {k} {w} でしょう',
               '{s} で よく {w} もの です'],
              ['{k} 私 は {s} で {w}', '{s} を {k} {w} はず です', '{s} と {k} {w} そう です',
               '{s} で むかし {w} もの です'],
              ['{s} を 人 が {w}', '{s} と {s} を {w} 人']),
             (['今日', '今', '明日', 'いつも'], ['昨日', '一度', '先週', '以前'])),
]

_RELATIONS = {'en': _ENGLISH, 'ja': _JAPANESE}


def make_analogy_corpus(length: int = 8000, language: str = 'en', seed: int = 0) -> tuple[list[str], list[Analogy]]:
    """Makes up a text about kings and queens, capitals and their countries, and what people do and did.

    Of *king* and *queen* the same is said as of all men and women, besides what is said of both of them: so vectors of
    words that are learned from their company have a direction that leads from men to women.

    Args:
        length: How many sentences.
        language: ``'en'``, or ``'ja'`` for Japanese, with white space between words.
        seed: Chooses them; not negative.

    Returns:
        The sentences, and analogies: four words each, of which the first is to the second as the third is to the
        fourth.

    Raises:
        ValueError: There is no such language.

    Example:
        >>> from autograd_nn.datasets import make_analogy_corpus
        >>> sentences, analogies = make_analogy_corpus(2)
        >>> sentences, analogies[0], len(analogies)
        (['they built the bridge yesterday', 'they built the bridge long ago'], ('king', 'queen', 'prince', 'princess'),
         374)
    """
    if language not in _RELATIONS:
        raise ValueError(f"make_analogy_corpus: language: expected one of {', '.join(_RELATIONS)}, got {language!r}")
    rng, relations = np.random.default_rng(seed), _RELATIONS[language]
    analogies = [(one[0], one[1], other[0], other[1]) for relation in relations
                 for one, other in itertools.permutations([words.split() for words in relation.pairs], 2)]
    return [_sentence(relations[int(rng.integers(len(relations)))], rng) for _ in range(length)], analogies


def _sentence(relation: Relation, rng: np.random.Generator) -> str:
    *pair, first, second, third = relation.pairs[int(rng.integers(len(relation.pairs)))].split()
    which = int(rng.integers(2))
    templates = relation.sentences[which if rng.random() < 0.8 else 2]
    words = templates[int(rng.integers(len(templates)))].split()
    shared = rng.permutation([first, second, third]).tolist()
    said = {'{w}': lambda: pair[which], '{s}': shared.pop, '{k}': lambda: str(rng.choice(relation.words[which]))}
    return ' '.join([said[word]() if word in said else word for word in words])
