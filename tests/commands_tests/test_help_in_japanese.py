"""The help of the programs in Japanese: every text has a translation, and lines fit the terminal."""
import argparse
import gettext
import io
import json
import re
import sys
from pathlib import Path

import pytest

from autograd_nn.commands import train
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.utils import program_help
from autograd_nn.utils.program_help import CATALOGUE, DEFAULT, FOLDER, count_columns, wrap
from support.programs import expect_one_line, run_here, run_python

DOCS = Path(__file__).parents[2] / 'docs'
JAPANESE = re.compile('[ぁ-んァ-ヺ一-龠]')
COMPILED = (FOLDER / 'ja' / 'LC_MESSAGES' / f'{CATALOGUE}.mo').read_bytes()
VARIABLES = 'LANGUAGE', 'LC_ALL', 'LC_MESSAGES', 'LANG'


@pytest.fixture
def speak(monkeypatch):
    """Sets the variable that says which language is spoken; the others are not there."""
    def set_language(value, variable='LANG'):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, value)

    return set_language


def train_parser(model='lenet'):
    return train.make_parser(CommandLine('autograd-nn train', [], ['--model', model]))


@pytest.mark.parametrize('variable', VARIABLES)
def test_the_environment_decides(variable, speak):
    speak('ja_JP.UTF-8', variable)
    assert 'パラメータの更新方法' in train_parser().format_help()
    speak('fr_FR.UTF-8', variable)
    assert 'how parameters are updated' in train_parser().format_help()


@pytest.mark.parametrize('languages, locale, japanese', [
    ('ja:en', 'C.UTF-8', True), ('fr:ja', 'fr_FR.UTF-8', True), ('en_US:en:ja', 'ja_JP.UTF-8', False),
    ('C:ja', 'ja_JP.UTF-8', False), ('ja', 'C', False), ('ja', 'POSIX', False)])
def test_english_may_be_preferred(languages, locale, japanese, speak, monkeypatch):
    speak(languages, 'LANGUAGE')
    monkeypatch.setenv('LANG', 'ja_JP.UTF-8')
    monkeypatch.setenv('LC_ALL', locale)
    assert bool(JAPANESE.search(train_parser().format_help())) == japanese


@pytest.mark.parametrize('language', ['C', 'en_US.UTF-8', 'C.UTF-8'])
def test_english_is_as_argparse_writes_it(language, speak):
    speak(language)
    for model in 'lenet', 'lstm_lm', 'yolov3_digits':
        parser = train_parser(model)
        text = parser.format_help()
        assert text == argparse.ArgumentParser.format_help(parser) and text.startswith('usage: ') and text.isascii()


def test_every_text_has_a_translation(tmp_path):
    texts = json.loads(run_python(DOCS / 'help_texts.py', cwd=tmp_path).stdout)
    catalogue = gettext.translation(CATALOGUE, FOLDER, ['ja'])
    missing = [text for text in texts if not JAPANESE.search(catalogue.gettext(text))]
    assert not missing, f'python docs/translations.py --update {CATALOGUE}'
    assert {'usage: ', DEFAULT, 'options', 'show this help message and exit'} <= set(texts)


@pytest.mark.parametrize('columns', [80, 60])
def test_lines_fit_the_terminal(columns, speak, monkeypatch, tmp_path):
    speak('ja_JP.UTF-8')
    monkeypatch.setenv('COLUMNS', str(columns))
    code = f"""import json, sys
sys.path.insert(0, {str(DOCS)!r})
from help_texts import parsers
print(json.dumps([(parser.prog, parser.format_help()) for parser in parsers()]))"""
    texts = json.loads(run_python('-c', code, cwd=tmp_path).stdout)
    assert len(texts) > 20
    for name, text in texts:
        lines = text[text.index('\n\n'):].splitlines()  # some usages are written by hand
        assert max(map(count_columns, lines)) <= columns, name
        assert not [line for line in lines if re.match(' *[、。）」：]', line)], name
    usage, _, _ = dict(texts)['autograd-nn train'].partition('\n\n')
    assert usage.startswith('使用法: autograd-nn train [-h] ')
    assert columns < 80 or max(map(count_columns, usage.splitlines())) <= columns
    assert {line.index('[') for line in usage.splitlines()[1:]} == {count_columns('使用法: autograd-nn train ')}


def test_programs(speak, tmp_path):
    speak('ja_JP.UTF-8')
    assert 'コマンド:\n  train                モデル' in run_here('', cwd=tmp_path).stdout
    assert 'オプション:\n  -h, --help            このヘルプ' in run_here('predict', '--help', cwd=tmp_path).stdout


def test_errors_are_in_english(speak, tmp_path):
    speak('ja_JP.UTF-8')
    process = run_here('info', '--nonsense', cwd=tmp_path)
    expect_one_line(process, 'unrecognized arguments: --nonsense')
    assert process.stderr.startswith('usage: autograd-nn info')


# Big5 has the letters of the headings, and not all of the texts.
@pytest.mark.parametrize('encoding', ['ascii', 'latin-1', 'big5'])
def test_a_terminal_without_the_letters_gets_english(encoding, speak, monkeypatch):
    speak('ja_JP.UTF-8')
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert train_parser().format_help().isascii()


@pytest.mark.parametrize('content', [None, b'', b'no catalogue', COMPILED[:20], COMPILED[:1000],
                                     COMPILED.replace('使用法'.encode(), b'\xff' * 9)],
                         ids=['missing', 'empty', 'nonsense', 'header', 'cut', 'letters'])
def test_a_damaged_catalogue_leaves_english(content, speak, monkeypatch, tmp_path):
    speak('ja_JP.UTF-8')
    path = tmp_path / 'ja' / 'LC_MESSAGES' / f'{CATALOGUE}.mo'
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(program_help, 'FOLDER', tmp_path)
    assert train_parser().format_help().isascii()


@pytest.mark.parametrize('text, width, lines', [
    ('', 10, ['']),
    ('あいうえお', 6, ['あいう', 'えお']),
    ('あいう、えお', 6, ['あい', 'う、え', 'お']),
    ('あい（うえ）。お', 6, ['あい', '（う', 'え）。', 'お']),
    ('あい（うえ）。お', 8, ['あい（う', 'え）。お']),
    ('重み decay を', 8, ['重み', 'decay を']),
    ('このパラメータ', 12, ['この', 'パラメータ']),
    ('a-very-long-word b', 6, ['a-very-long-word', 'b']),
])
def test_wrapping(text, width, lines):
    assert wrap(text, width) == lines
