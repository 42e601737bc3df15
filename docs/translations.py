"""The translations of pages and of the programs' help: brings their catalogues up to date, or says what they lack.

Sphinx takes each paragraph of a page from ``locale/LANGUAGE/LC_MESSAGES/PAGE.po``. A paragraph whose English has
changed is marked `fuzzy` there, and appears in English until its translation has been mended and the mark removed. The
catalogue of the help, ``autograd_nn``, is part of the package, beside what programs read, which is made of it.
``README.ja.md`` says in its first line which README it translates.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import re
import struct
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

from help_texts import collect

from autograd_nn.utils import program_help

try:
    from babel.messages.catalog import Catalog, Message
    from babel.messages.mofile import read_mo, write_mo
    from babel.messages.pofile import PoFileError, read_po, write_po
    from docutils import nodes
    from sphinx import addnodes
    from sphinx.application import Sphinx
    from sphinx.util.nodes import extract_messages, get_node_source
except ImportError as error:
    sys.exit(f"{error}; python -m pip install -e '.[docs]' installs what is needed")

DOCS = Path(__file__).parent
LANGUAGE = 'ja'
CATALOGUES = DOCS / 'locale' / LANGUAGE / 'LC_MESSAGES'
HELP = program_help.CATALOGUE
HELP_FILE = program_help.FOLDER / LANGUAGE / 'LC_MESSAGES' / f'{HELP}.po'
COMPILED_HELP = HELP_FILE.with_suffix('.mo')
README, TRANSLATED_README = DOCS.parent / 'README.md', DOCS / f'README.{LANGUAGE}.md'
# What its table has is in both languages.
GLOSSARY = 'glossary'


def has_words(text: str) -> bool:
    """Whether there is something to translate: letters that are no code, no address and no formula."""
    return bool(re.search(r'[A-Za-z]{2}', re.sub(r'`[^`]*`|\]\([^)]*\)|\$[^$]*\$|\{[^}]*\}', '', text)))


def extract(doctrees: Path, names: list[str]) -> dict[str, Catalog]:
    """The paragraphs of pages, in order, but those of docstrings.

    Args:
        doctrees: Where Sphinx keeps, or will keep, what it has read.
        names: The pages; all if there are none.

    Raises:
        SystemExit: There is no such page.
    """
    chosen = {'include_patterns': [f'{name}.md' for name in ('index', *names)]} if names else {}
    app = Sphinx(DOCS, DOCS, doctrees, doctrees, 'dummy', chosen, status=None, warning=StringIO(),
                 parallel=os.cpu_count() or 1)
    app.build()
    unknown = [name for name in names if name not in app.env.found_docs]
    if unknown:
        sys.exit(f'there is no page {unknown[0]!r}; expected a name such as howto/detection')
    pages = {}
    for name in names or sorted(app.env.found_docs):
        tree = app.env.get_doctree(name)
        texts = [text for toctree in tree.findall(addnodes.toctree) for text in toctree.extract_original_messages()]
        texts += [text for node, text in extract_messages(tree) if (get_node_source(node) or '').endswith('.md')
                  and not (name == GLOSSARY and isinstance(node.parent, nodes.entry))]
        pages[name] = make_template(filter(has_words, texts))
    return {name: page for name, page in pages.items() if len(page)}


def make_template(texts: Iterator[str]) -> Catalog:
    """A catalogue of texts that are not translated."""
    template = Catalog(locale=LANGUAGE, fuzzy=False, header_comment='')
    for text in texts:
        template.add(text)
    return template


def path_of(page: str) -> Path:
    """The file of a catalogue."""
    return HELP_FILE if page == HELP else CATALOGUES / f'{page}.po'


def read(page: str) -> Catalog:
    """The catalogue of a page; an empty one if it has none.

    Raises:
        SystemExit: It is damaged.
    """
    path = path_of(page)
    try:
        with path.open('rb') as file:
            return read_po(file, locale=LANGUAGE, abort_invalid=True)
    except FileNotFoundError:
        return Catalog(locale=LANGUAGE)
    except PoFileError as error:
        sys.exit(f'{path} is damaged in line {error.lineno + 1}')
    except UnicodeDecodeError as error:
        sys.exit(f'{path} is damaged: {error}')


def update(page: str, template: Catalog) -> None:
    """Brings a catalogue up to date: new paragraphs are empty, changed ones fuzzy, and dropped ones gone."""
    old, new = read(page), make_template(iter(()))
    old.update(template)
    for found in [old[message.id] for message in template if message.id]:
        new.add(found.id, found.string, flags=found.flags, previous_id=found.previous_id)
        new[found.id].flags &= {'fuzzy'}  # not what Babel takes for formats of strings
    text = BytesIO()
    write_po(text, new, width=120, omit_header=True, include_previous=True)
    path = path_of(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
                    + text.getvalue().decode(), encoding='utf-8')


def is_compiled() -> bool:
    """Whether what programs read has the translations of the catalogue."""
    try:
        with COMPILED_HELP.open('rb') as file:
            compiled = {message.id: message.string for message in read_mo(file) if message.id}
    except (OSError, ValueError, struct.error):
        return False
    return compiled == {message.id: message.string for message in read(HELP) if message.id and is_current(message)}


def compile_help() -> None:
    """Makes of the catalogue of the help what programs read."""
    with COMPILED_HELP.open('wb') as file:
        write_mo(file, read(HELP))


def is_current(message: Message | None) -> bool:
    """Whether a paragraph has a translation that is not older."""
    return message is not None and bool(message.string) and not message.fuzzy


def find_faults(pages: dict[str, Catalog]) -> Iterator[str]:
    """What the translations of pages lack, a line for each page."""
    for name, page in pages.items():
        catalogue = read(name)
        behind = [message.id for message in page if message.id and not is_current(catalogue.get(message.id))]
        if behind:
            yield f'{name}: {len(behind)} of {len(page)} texts lack a translation or are newer, as {behind[0]!r}'
    if HELP in pages and not is_compiled():
        yield f'{HELP}: {COMPILED_HELP.name} is not what {HELP_FILE.name} says; --update {HELP} makes it'


def find_other_faults(pages: dict[str, Catalog]) -> Iterator[str]:
    """What else is there that should not be: catalogues of no page, and an old README."""
    for path in sorted(CATALOGUES.rglob('*.po')):
        if path.relative_to(CATALOGUES).with_suffix('').as_posix() not in {*pages, 'sphinx'}:
            yield f'{path.relative_to(DOCS)}: there is no such page'
    if not TRANSLATED_README.exists() or mark(README) not in TRANSLATED_README.read_text(encoding='utf-8'):
        yield f'{TRANSLATED_README.name} is older than README.md; when it has been mended, its mark is {mark(README)}'


def mark(path: Path) -> str:
    """What the translation of a file bears to say which text it is a translation of."""
    return f'{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}'


def main() -> None:
    """Updates the catalogues, or checks them."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--update', action='store_true', help='write the catalogues; otherwise they are only checked')
    parser.add_argument('pages', nargs='*', metavar='PAGE',
                        help=f'such as howto/detection; {HELP} for the help; otherwise all')
    parser.add_argument('--doctrees', type=Path, metavar='DIR',
                        help='what `sphinx -b html -d DIR` has read, which is then not read again')
    arguments = parser.parse_args()
    names = [name for name in arguments.pages if name != HELP]
    pages = {}
    if names or not arguments.pages:
        with tempfile.TemporaryDirectory() as folder:
            pages = extract(arguments.doctrees or Path(folder), names)
    if HELP in arguments.pages or not arguments.pages:
        pages[HELP] = make_template(iter(collect()))
    if arguments.update:
        for name, page in pages.items():
            update(name, page)
        if HELP in pages and not is_compiled():
            compile_help()
    faults = [*find_faults(pages), *(find_other_faults(pages) if not arguments.pages else ())]
    print('\n'.join(faults) or 'all is translated')
    sys.exit(bool(faults))


if __name__ == '__main__':
    main()
