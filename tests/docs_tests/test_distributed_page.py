"""What the page on distributed training shows: its program runs, and its tables are those of what was measured."""
import json
import re
from pathlib import Path

import pytest

from support.mpi import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs' / 'howto' / 'distributed.md').read_text(encoding='utf-8')
PROGRAM = re.search(r'^```{code-block} python\n:caption: digits\.py\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.slow
@pytest.mark.parametrize('processes', [2, 4])
def test_the_program_learns(processes, tmp_path, monkeypatch):
    (tmp_path / 'digits.py').write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    shown = run(processes, ['digits.py']).stdout.splitlines()
    epoch, _, accuracy = next(line for line in shown if line.startswith('1')).split()
    assert epoch == '1' and float(accuracy) > 0.85
    assert len(json.loads((tmp_path / 'result' / 'log').read_text())) == 1
