"""Dates in many spellings, English and Japanese, with what they are in ISO 8601."""
from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from autograd_nn.dataset.dataset_mixin import DatasetMixin

# A hundred years, so that the last two digits of a year say which one it is.
FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)
MONTHS = ('January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November',
          'December')
WEEKDAYS = 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'
UNITS = 'first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth'
ORDINALS = (*UNITS, 'tenth', 'eleventh', 'twelfth', 'thirteenth', 'fourteenth', 'fifteenth', 'sixteenth', 'seventeenth',
            'eighteenth', 'nineteenth', 'twentieth', *(f'twenty-{unit}' for unit in UNITS), 'thirtieth', 'thirty-first')
# The eras of Japan with their first days, the latest first.
ERAS = ('令和', 'R', date(2019, 5, 1)), ('平成', 'H', date(1989, 1, 8)), ('昭和', 'S', date(1926, 12, 25))
WEEKDAYS_JA = '月火水木金土日'
DIGITS_JA = '〇一二三四五六七八九'
WIDE = str.maketrans('0123456789', '０１２３４５６７８９')
# One day in so many, chosen at random, is kept to test with.
PART_OF_TEST = 10


class DateSpellings(DatasetMixin):
    """Dates in many spellings, and in ISO 8601: something to translate with nothing but this package.

    An example is a text such as ``'the third of March 2021'`` or ``'令和3年3月3日'``, and ``'2021-03-03'``. Days are
    those of the years from 1950 to 2049; a tenth of them are in the test data alone, in whatever spelling. Example *i*
    depends on the arguments and *i* alone.

    Args:
        length: The number of examples.
        split: ``'train'`` or ``'test'``: of which days.
        seed: Chooses days and spellings; not negative.

    Raises:
        ValueError: There is no such split, or a number is negative.

    Example:
        >>> from autograd_nn.datasets import DateSpellings
        >>> for spelling, iso in DateSpellings(5, seed=1):
        ...     print(iso, spelling)
        1985-06-22 S60.6.22
        2048-07-05 令和30年7月5日(日)
        1959-10-25 一九五九年十月二十五日
        2005-05-07 平成17年5月7日(土)
        2047-03-04 4 Mar 2047
    """

    def __init__(self, length: int, split: str = 'train', seed: int = 0) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f'DateSpellings: expected split train or test, got {split!r}')
        if length < 0 or seed < 0:
            raise ValueError(f'DateSpellings: expected length and seed of at least 0, got {length} and {seed}')
        days = np.random.default_rng(0).permutation((LAST - FIRST).days + 1)
        kept = len(days) // PART_OF_TEST
        self.days = days[:kept] if split == 'test' else days[kept:]
        self.split = split
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def get_example(self, i: int) -> tuple[str, str]:
        random = np.random.default_rng([self.split == 'test', self.seed, i])
        day = FIRST + timedelta(days=int(self.days[random.integers(len(self.days))]))
        spellings = spell_date(day)[random.integers(len(STYLES))]
        return spellings[random.integers(len(spellings))], day.isoformat()


def spell_date(day: date) -> list[list[str]]:
    """The spellings of a day that `DateSpellings` has: in English words, in numbers, and in Japanese.

    No text stands for two days. Where numbers alone are written, the month comes first between slashes (03/04/2021 is
    in March) and the day between dots (03.04.2021 is in April), unless the year does.

    Args:
        day: A day of the years from 1950 to 2049, so that the last two digits of a year say which one it is.

    Returns:
        A list for each of the three.

    Raises:
        ValueError: It is another day.

    Example:
        >>> from datetime import date
        >>> for spellings in spell_date(date(2021, 3, 3)):
        ...     print(len(spellings), spellings[-1])
        26 mar 3, 2021
        10 2021-03-03
        11 R3.3.3
    """
    if not FIRST <= day <= LAST:
        raise ValueError(f'spell_date: expected a day from {FIRST} to {LAST}, got {day}')
    return [style(day) for style in STYLES]


def _in_words(day: date) -> list[str]:
    d, y, month, weekday = day.day, day.year, MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    mon, wd = month[:3], weekday[:3]
    dot = '' if mon == month else '.'
    nth, word = f'{d}{_ending(d)}', ORDINALS[d - 1]
    texts = [f'{d} {month} {y}', f'{d:02} {month} {y}', f'{d} {mon} {y}', f'{d}-{mon}-{y}', f'{d} {mon}{dot} {y}',
             f"{d} {mon} '{y % 100:02}", f'{nth} {month} {y}', f'{nth} of {month} {y}', f'the {nth} of {month} {y}',
             f'the {word} of {month} {y}', f'{month} {d}, {y}', f'{month} {nth}, {y}', f'{mon} {d}, {y}',
             f'{mon}{dot} {nth}, {y}', f'{month} the {word}, {y}', f'{weekday}, {d} {month} {y}',
             f'{wd} {d} {mon} {y}', f'{weekday}, {month} {d}, {y}', f'{weekday} the {nth} of {month}, {y}',
             f'{weekday}, the {word} of {month} {y}']
    return [*texts, *map(str.upper, texts[:3]), *map(str.lower, texts[10:13])]


def _in_numbers(day: date) -> list[str]:
    d, m, y = day.day, day.month, day.year
    return [f'{m}/{d}/{y}', f'{m:02}/{d:02}/{y}', f'{d}.{m}.{y}', f'{d:02}.{m:02}.{y}', f'{d}.{m}.{y % 100:02}',
            f'{y}/{m}/{d}', f'{y}/{m:02}/{d:02}', f'{y}.{m}.{d}', f'{y}{m:02}{d:02}', day.isoformat()]


def _in_japanese(day: date) -> list[str]:
    d, m, y, weekday = day.day, day.month, day.year, WEEKDAYS_JA[day.weekday()]
    era, letter, first = next(each for each in ERAS if day >= each[2])
    year = y - first.year + 1
    of_era = '元' if year == 1 else f'{year}'  # an era's first year is called that
    return [f'{y}年{m}月{d}日', f'{y}年{m:02}月{d:02}日', f'{y}年{m}月{d}日'.translate(WIDE),
            f'{"".join(DIGITS_JA[int(digit)] for digit in str(y))}年{_kanji(m)}月{_kanji(d)}日',
            f'{y}年{m}月{d}日({weekday})', f'{y}年{m}月{d}日{weekday}曜日', f'{era}{of_era}年{m}月{d}日',
            f'{era}{of_era}年{m}月{d}日'.translate(WIDE), f'{era}{of_era}年{m}月{d}日({weekday})',
            f'{era}{"元" if year == 1 else _kanji(year)}年{_kanji(m)}月{_kanji(d)}日', f'{letter}{year}.{m}.{d}']


STYLES = _in_words, _in_numbers, _in_japanese


def _ending(number: int) -> str:
    """What follows the digits of an ordinal number."""
    return 'th' if 10 < number < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')


def _kanji(number: int) -> str:
    """A number from 1 to 99 in words: 十一, 二十."""
    tens, units = divmod(number, 10)
    return ('十' if tens == 1 else f'{DIGITS_JA[tens]}十' if tens else '') + (DIGITS_JA[units] if units else '')
