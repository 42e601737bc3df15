"""Makes the pictures of the course: runs the code of its chapters, which write them, and puts them where pages look."""
from __future__ import annotations

import argparse
import os
import re
import shutil
import tempfile
from pathlib import Path

import matplotlib

DOCS = Path(__file__).parent
IMAGES = DOCS / 'images' / 'course'
BLOCK = re.compile(r'^```python\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def run(page: Path) -> None:
    """Runs the Python blocks of a page in one namespace; of examples with prompts, the lines after the prompts."""
    namespace = {'__name__': 'course'}
    text = page.read_text(encoding='utf-8')
    for block in BLOCK.finditer(text):
        source = block[1]
        if source.startswith('>>>'):
            source = ''.join(line[4:] + '\n' for line in source.splitlines() if line[:4] in ('>>> ', '... ', '...'))
        lines_before = text[:block.start(1)].count('\n')
        exec(compile('\n' * lines_before + source, str(page), 'exec'), namespace)


def main() -> None:
    """Makes the pictures of all chapters, or of some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pages', nargs='*', type=Path, metavar='PAGE', help='such as docs/course/01_perceptrons.md')
    pages = parser.parse_args().pages or sorted((DOCS / 'course').glob('[0-9]*.md'))
    for page in pages:
        if not page.is_file():
            parser.error(f'there is no page {page}')
    pages = [page.resolve() for page in pages]
    matplotlib.use('Agg')
    IMAGES.mkdir(parents=True, exist_ok=True)
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            run(page)
            for picture in [*Path().glob('*.png'), *Path().glob('*.svg'), *Path().glob('*.gif')]:
                shutil.copy(picture, IMAGES / picture.name)
            os.chdir(DOCS)


if __name__ == '__main__':
    main()
