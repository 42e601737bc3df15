"""What translation is trained on: dates and their spellings, vocabularies, parallel files."""
import datetime
import itertools
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn import datasets
from autograd_nn.datasets import DateSpellings, MarkedVocabulary, SubwordVocabulary, spell_date
from autograd_nn.datasets.date_spellings import FIRST, LAST

MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth', 'eleventh',
            'twelfth', 'thirteenth', 'fourteenth', 'fifteenth', 'sixteenth', 'seventeenth', 'eighteenth', 'nineteenth',
            'twentieth', 'twenty-first', 'twenty-second', 'twenty-third', 'twenty-fourth', 'twenty-fifth',
            'twenty-sixth', 'twenty-seventh', 'twenty-eighth', 'twenty-ninth', 'thirtieth', 'thirty-first']
WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
KANJI = {character: i for i, character in enumerate('〇一二三四五六七八九')}
ERAS = {'令和': 2018, '平成': 1988, '昭和': 1925, 'r': 2018, 'h': 1988, 's': 1925}


def japanese_number(text):
    if text == '元':
        return 1
    if text.isascii():
        return int(text)
    if '十' in text:
        tens, units = text.split('十')
        return (KANJI[tens] if tens else 1) * 10 + (KANJI[units] if units else 0)
    return int(''.join(str(KANJI[character]) for character in text))


def year_of(text):
    year = int(text.strip("'"))
    return year if year > 99 else year + (1900 if year >= 50 else 2000)


def read_date(text):
    """Reads a date by rules that know nothing of how it was written; returns it with the weekday that is named."""
    text = unicodedata.normalize('NFKC', text).lower()
    if match := re.fullmatch(r'(令和|平成|昭和)?(.+?)年(.+?)月(.+?)日(?:\((.)\)|(.)曜日)?', text):
        era, y, m, d, *weekday = match.groups()
        named = next(filter(None, weekday), None)
        return (datetime.date(ERAS.get(era, 0) + japanese_number(y), japanese_number(m), japanese_number(d)),
                None if named is None else '月火水木金土日'.index(named))
    if match := re.fullmatch(r'([rhs])(\d+)\.(\d+)\.(\d+)', text):
        return datetime.date(ERAS[match[1]] + int(match[2]), int(match[3]), int(match[4])), None
    if match := re.fullmatch(r'(\d{4})(\d\d)(\d\d)|(\d{4})[-./](\d+)[-./](\d+)', text):
        return datetime.date(*map(int, filter(None, match.groups()))), None
    if match := re.fullmatch(r'(\d+)/(\d+)/(\d+)', text):
        return datetime.date(year_of(match[3]), int(match[1]), int(match[2])), None
    if match := re.fullmatch(r'(\d+)\.(\d+)\.(\d+)', text):
        return datetime.date(year_of(match[3]), int(match[2]), int(match[1])), None
    words = re.findall(r"[a-z]+(?:-[a-z]+)?|'?\d+", re.sub(r'(\d)(st|nd|rd|th)\b', r'\1', text))
    weekday = [i for i, name in enumerate(WEEKDAYS) if words[0].startswith(name)]
    month, = (MONTHS.index(word[:3]) + 1 for word in words[len(weekday):] if word[:3] in MONTHS)
    day = next(ORDINALS.index(word) + 1 if word in ORDINALS else int(word)
               for word in words if word in ORDINALS or word.isdigit())
    return datetime.date(year_of(words[-1]), month, day), weekday[0] if weekday else None


@given(st.dates(FIRST, LAST))
def test_spellings_mean_their_day(day):
    spellings = spell_date(day)
    assert len(spellings) == 3
    for text in itertools.chain(*spellings):
        found, weekday = read_date(text)
        assert found == day, text
        assert weekday in (None, day.weekday()), text


def test_first_days_of_eras():
    days = {'2019-05-01': '令和元年5月1日', '2019-04-30': '平成31年4月30日', '1989-01-08': '平成元年1月8日',
            '1989-01-07': '昭和64年1月7日'}
    for day, text in days.items():
        assert text in spell_date(datetime.date.fromisoformat(day))[2]


@pytest.mark.slow
def test_no_spelling_stands_for_two_days():
    seen = {}
    for n in range((LAST - FIRST).days + 1):
        for text in itertools.chain(*spell_date(FIRST + datetime.timedelta(n))):
            assert seen.setdefault(text, n) == n, text


def test_dates_of_training_and_of_tests_differ():
    train, test = DateSpellings(3000)[:], DateSpellings(300, 'test')[:]
    days = {iso for _, iso in train}
    assert len(days) > 2500 and not days & {iso for _, iso in test}
    assert all(read_date(text)[0].isoformat() == iso for text, iso in train[:300] + test)
    kinds = [sum(condition(text) for text, _ in train) / 3000 for condition in (
        str.isascii, lambda text: '年' in text, lambda text: re.search('[a-zA-Z]{3}', text) is not None)]
    assert 0.6 < kinds[0] < 0.75 and 0.25 < kinds[1] < 0.35 and 0.28 < kinds[2] < 0.38
    assert DateSpellings(5)[3] == DateSpellings(9)[3] == train[3]
    assert DateSpellings(5, seed=1)[:] != train[:5]


def test_dates_that_there_are_not():
    with pytest.raises(ValueError, match="DateSpellings: expected split train or test, got 'dev'"):
        DateSpellings(5, 'dev')
    with pytest.raises(ValueError, match='length and seed of at least 0, got -1 and 0'):
        DateSpellings(-1)
    with pytest.raises(ValueError, match='expected a day from 1950-01-01 to 2049-12-31, got 1949-12-31'):
        spell_date(datetime.date(1949, 12, 31))


@pytest.mark.parametrize('level', ['char', 'word'])
@given(texts=st.lists(st.text('ab c', max_size=6), max_size=5))
def test_texts_come_back(level, texts):
    texts = [' '.join(text.split()) for text in texts]
    vocabulary = MarkedVocabulary.of_texts(texts, level)
    for text in texts:
        numbers = vocabulary.encode(text)
        assert numbers[0] == 1 and numbers[-1] == 2 and not {0, 1, 2} & set(numbers[1:-1].tolist())
        assert vocabulary.decode(numbers) == vocabulary.decode([*numbers, 3, 4]) == text


def test_marks_in_a_text_are_no_marks():
    vocabulary = MarkedVocabulary.of_texts(['one <eos> two <bos>'], 'word')
    assert vocabulary.tokens == ['<unk>', '<bos>', '<eos>', 'one', 'two']
    assert vocabulary.encode('one <eos> two').tolist() == [1, 3, 0, 4, 2]


def test_frequent_tokens_come_first():
    texts = ['b a c a', 'a b d', '']
    assert MarkedVocabulary.of_texts(texts, 'word').tokens[3:] == ['a', 'b', 'c', 'd']
    assert MarkedVocabulary.of_texts(texts, 'word', size=5).tokens[3:] == ['a', 'b']
    assert MarkedVocabulary.of_texts(texts, 'word', min_count=2).tokens[3:] == ['a', 'b']


@pytest.mark.parametrize('level', ['char', 'word', 'subword'])
def test_vocabularies_go_through_a_file(level, tmp_path):
    texts = ['the lowest of the low', '日本の日', 'newer and newest']
    if level == 'subword':
        pytest.importorskip('tokenizers')
        vocabulary = SubwordVocabulary.of_texts(texts, size=40)
    else:
        vocabulary = MarkedVocabulary.of_texts(texts, level)
    vocabulary.save(tmp_path / 'vocabulary.json')
    loaded = datasets.load_vocabulary(tmp_path / 'vocabulary.json')
    assert type(loaded) is type(vocabulary) and loaded.tokens == vocabulary.tokens and loaded.level == level
    for text in [*texts, 'the newest day', '日の本']:
        np.testing.assert_array_equal(loaded.encode(text), vocabulary.encode(text))
        if vocabulary.unk not in vocabulary.encode(text):
            assert loaded.decode(loaded.encode(text)) == text


def merge_by_loops(word, merges):
    """Algorithm 1 of Sennrich et al.: the first pair of the list that occurs is joined everywhere, again and again."""
    parts = list(word)
    for pair in merges:
        i = 0
        while i < len(parts) - 1:
            if (parts[i], parts[i + 1]) == pair:
                parts[i:i + 2] = [''.join(pair)]
            i += 1
    return parts


def test_subwords_are_joined_as_in_the_paper():
    pytest.importorskip('tokenizers')
    random = np.random.default_rng(0)
    texts = [' '.join(''.join(random.choice(list('abc'), random.integers(1, 6))) for _ in range(5)) for _ in range(40)]
    vocabulary = SubwordVocabulary.of_texts(texts, size=30)
    assert len(vocabulary) == 30 == 3 + 4 + len(vocabulary.merges)  # marks, characters with the sign of a space, pairs
    for text in texts:
        expected = [part for word in text.split() for part in merge_by_loops(f'▁{word}', vocabulary.merges)]
        assert vocabulary.split(text) == expected
        assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.encode('axb').tolist().count(0) == 1
    every = SubwordVocabulary.of_texts(texts, size=None)
    assert every.tokens == SubwordVocabulary.of_texts(texts, size=10 ** 12).tokens
    assert all(len(every.split(word)) == 1 for text in texts for word in text.split())
    assert vocabulary.encode('<eos>').tolist()[1:-1].count(2) == 0, 'no mark in a text'


def test_what_is_no_vocabulary(tmp_path):
    path = tmp_path / 'vocabulary.json'
    for content in '', '[]', '{"level": "word", "tokens": ["a"]}', '{"level": "syllable", "tokens": []}':
        path.write_text(content)
        with pytest.raises(ValueError, match=r'vocabulary\.json is no vocabulary, or damaged: '):
            datasets.load_vocabulary(path)
    pytest.importorskip('tokenizers')
    with pytest.raises(ValueError, match='SubwordVocabulary: expected merges of tokens'):
        SubwordVocabulary(['<unk>', '<bos>', '<eos>', 'a'], [('a', 'a')])


def test_subwords_without_the_library(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'tokenizers', None)
    with pytest.raises(ImportError, match=r"need the library tokenizers: pip install 'autograd_nn\[text\]'"):
        SubwordVocabulary.of_texts(['a'])


def write(folder, **files):
    for name, text in files.items():
        (folder / name.replace('_', '.')).write_text(text, encoding='utf-8')
    return folder


def test_parallel_files(tmp_path):
    write(tmp_path, train_en='one\r\n two \n\nfour\n', train_ja='一\n二\n三\n四')
    assert datasets.read_parallel_texts(tmp_path / 'train.en', tmp_path / 'train.ja') == [
        ('one', '一'), ('two', '二'), ('four', '四')]
    write(tmp_path, train_de='eins\nzwei\n')
    with pytest.raises(ValueError, match=r'train\.de: expected as many lines as .*train\.en has, 4, got 2'):
        datasets.read_parallel_texts(tmp_path / 'train.en', tmp_path / 'train.de')
    write(tmp_path, empty_a='\n\n', empty_b='a\n\n')
    with pytest.raises(ValueError, match=r'empty\.a and .*empty\.b: expected lines of text, they are empty'):
        datasets.read_parallel_texts(tmp_path / 'empty.a', tmp_path / 'empty.b')
    (tmp_path / 'latin').write_bytes('\xe9t\xe9\n'.encode('latin-1'))
    with pytest.raises(ValueError, match='latin: expected text in UTF-8, but byte 0 is 0xe9'):
        datasets.read_parallel_texts(tmp_path / 'latin', tmp_path / 'empty.a')


def test_where_parallel_files_are_found(tmp_path):
    with pytest.raises(ValueError, match=r'expected train\.src and train\.tgt; of files called train there are: none'):
        datasets.find_parallel_texts(tmp_path)
    write(tmp_path, train_en='a', train_de='b')
    with pytest.raises(ValueError, match=r'are: train\.de, train\.en \(--languages names'):
        datasets.find_parallel_texts(tmp_path)
    train = tmp_path / 'train.en', tmp_path / 'train.de'
    assert datasets.find_parallel_texts(tmp_path, ('en', 'de')) == {'train': train}
    write(tmp_path, dev_en='a', dev_de='b', test_en='a')
    assert datasets.find_parallel_texts(tmp_path, ('en', 'de')) == {
        'train': train, 'test': (tmp_path / 'dev.en', tmp_path / 'dev.de')}
    write(tmp_path, test_de='b')
    assert datasets.find_parallel_texts(tmp_path, ('de', 'en'))['test'] == (tmp_path / 'test.de', tmp_path / 'test.en')
