"""Everything that the documentation shows as Python is run, page by page, in one namespace for each page."""
import doctest
import re
from pathlib import Path

import pytest

import autograd_nn as ann

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').rglob('*.md'))]
# Chapters train networks.
COURSE = ROOT / 'docs' / 'course'
PICTURE = re.compile(r'\]\(\.\./images/course/([^)]+)\)')
BLOCK = re.compile(r'^```python\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def snippets(page):
    """The page's Python blocks, each with the number of its first line."""
    text = page.read_text(encoding='utf-8')
    return [(match.group(1), text[:match.start(1)].count('\n')) for match in BLOCK.finditer(text)]


def run_examples(source, line, page, namespace):
    """Runs a block of ``>>>`` examples and compares what they print."""
    test = doctest.DocTestParser().get_doctest(source, {}, page.name, str(page), line)
    test.globs = namespace
    report = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append, clear_globs=False)
    assert not failed, ''.join(report)


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """Snippets write files where they run; the configuration that they change is put back."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    ann.set_debug(False)


@pytest.mark.parametrize('page', [pytest.param(page, marks=[pytest.mark.slow] * (page.parent == COURSE))
                                  for page in PAGES if snippets(page)], ids=lambda page: page.stem)
def test_snippets_run(page, empty_folder):
    namespace = {'__name__': 'snippets'}
    for source, line in snippets(page):
        if source.lstrip().startswith('>>>'):
            run_examples(source, line, page, namespace)
        else:
            exec(compile('\n' * line + source, str(page), 'exec'), namespace)
    if page.parent == COURSE:
        # A chapter shows what its code draws, and draws what it shows.
        shown = PICTURE.findall(page.read_text(encoding='utf-8'))
        assert {*shown} == {path.name for path in empty_folder.iterdir() if path.suffix in ('.png', '.svg', '.gif')}


def test_the_framework_of_the_last_chapter_is_as_short_as_it_says():
    text = (COURSE / '15_your_own_framework.md').read_text(encoding='utf-8')
    framework = [block for block in BLOCK.findall(text[:text.index('## It reads digits')])
                 if not block.startswith('>>>') and 'pyplot' not in block]
    assert 100 < sum(block.count('\n') for block in framework) <= 200


def test_there_are_snippets():
    assert sum(len(snippets(page)) for page in PAGES) > 40


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_local_links_and_pictures_exist(page):
    text = re.sub(r'^```.*?^```$', '', page.read_text(encoding='utf-8'), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r'\]\(([^)#\s]+)[^)]*\)', text):
        if '://' not in target:
            assert (page.parent / target).exists(), f'{page.name} refers to {target}'


def test_the_gallery_has_every_picture():
    text = (ROOT / 'docs' / 'gallery.md').read_text(encoding='utf-8')
    pictures = [path.name for path in (ROOT / 'docs' / 'images').iterdir() if path.is_file()]
    assert [name for name in pictures if f'](images/{name})' not in text] == []


@pytest.mark.parametrize('program, page', [
    ('tasks/sample_task', 'training'), ('tasks/classification', 'training'), ('commands/training_options', 'training'),
    ('tasks/play', 'play'), ('tasks/text', 'text'), ('commands/generate', 'text')])
def test_options_of_the_training_program_are_documented(program, page):
    source = (ROOT / 'autograd_nn' / f'{program}.py').read_text(encoding='utf-8')
    tables = (ROOT / 'docs' / 'howto' / f'{page}.md').read_text(encoding='utf-8')
    options = re.findall(r"add_argument\('(--[\w-]+)'", source)
    assert len(options) > 2
    for option in options:
        assert f'| `{option}`' in tables, option


@pytest.mark.parametrize('program, page', [('style', 'style_transfer'), ('feature_networks', 'style_transfer'),
                                           ('fast_style/train', 'fast_style'), ('fast_style/generate', 'fast_style')])
def test_options_of_the_painting_programs_are_documented(program, page):
    source = (ROOT / 'autograd_nn' / 'commands' / f'{program}.py').read_text(encoding='utf-8')
    text = (ROOT / 'docs' / 'howto' / f'{page}.md').read_text(encoding='utf-8')
    options = re.findall(r"add\((?:'-o', )?'(--[\w-]+)'", source)
    assert len(options) > 5
    for option in options:
        assert re.search(rf'{option}(?![\w-])', text), option
