"""The progress of a painting."""
import time

import pytest

from autograd_nn.commands import painting


@pytest.mark.parametrize('minute, lines', [(60, 0), (0.2, 2)])
def test_occasional_lines_without_terminal(monkeypatch, capsys, minute, lines):
    monkeypatch.setattr(painting, 'MINUTE', minute)
    bar = painting.progress_bar(20)
    for _ in range(20):
        time.sleep(0.03)
        bar.set_postfix({'loss': '0.5'}, refresh=False)
        bar.update()
    bar.close()
    shown = capsys.readouterr()
    assert shown.out == '' and '\r' not in shown.err
    found = shown.err.splitlines()
    assert len(found) >= lines and len(found) <= 4 * lines
    assert all('of 20 iterations, ' in line and 'loss=0.5' in line for line in found)
