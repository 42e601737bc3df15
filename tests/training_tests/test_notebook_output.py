"""What extensions show in a Jupyter notebook, for which a stand-in has the interface of IPython."""
import io
import sys
import types
import warnings

import pytest
from PIL import Image

from autograd_nn import reports
from autograd_nn.training import extensions
from support.pages import Page
from support.toy import make_trainer


class OutStream(io.StringIO):
    """Standard output of a notebook."""


OutStream.__module__ = 'ipykernel.iostream'


@pytest.fixture
def shown(monkeypatch):
    """What was shown: for each place of the output a list of pairs, kind and data, of which the last one is seen."""
    places = []

    class Handle:
        def __init__(self, first):
            self.all = [first]
            places.append(self.all)

        def update(self, other):
            self.all.append(other)

    module = types.ModuleType('IPython.display')
    module.HTML = lambda text: ('html', text)
    module.Image = lambda data: ('picture', data)
    module.display = lambda first, display_id: Handle(first)
    package = types.ModuleType('IPython')
    package.version_info = 9, 0  # which matplotlib looks at
    monkeypatch.setitem(sys.modules, 'IPython', package)
    monkeypatch.setitem(sys.modules, 'IPython.display', module)
    return places


def test_tables_bars_and_curves(shown, tmp_path, monkeypatch):
    pytest.importorskip('matplotlib')
    monkeypatch.setattr(sys, 'stdout', OutStream())
    trainer = make_trainer(tmp_path, stop=(3, 'epoch'), extensions=False)
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'nothing']))
    trainer.extend(extensions.ProgressBar())
    trainer.extend(extensions.PlotReport('main/loss', 'epoch'))
    trainer.run()
    assert sys.stdout.getvalue() == ''
    bar, = [place for place in shown if place[0][1][:9] == '<progress']
    assert 'value="1" max="10"' in bar[0][1] and 'epoch 0.29/3' in bar[0][1] and bar[-1] == ('html', '')
    table, = [place for place in shown if place[0][1][:6] == '<table']
    assert len(table) == 3, 'one table, that grows'
    rows = Page(table[-1][1]).tables['']
    log = trainer.get_extension('LogReport').log
    assert [[cell for cell, _ in row] for row in rows] == [['epoch', 'main/loss', 'nothing'], *[
        [str(entry['epoch']), f'{entry["main/loss"]:.4g}', ''] for entry in log]]
    curves, = [place for place in shown if place[0][0] == 'picture']
    assert Image.open(io.BytesIO(curves[-1][1])).format == 'PNG' and (tmp_path / 'plot.png').exists()


def test_the_report_is_a_document_of_its_own(tmp_path):
    report = reports.HtmlReport('a "quoted" name')
    assert 'no report yet' in report._repr_html_()
    trainer = make_trainer(tmp_path, stop=(1, 'epoch'), extensions=False)
    trainer.extend(extensions.LogReport())
    trainer.extend(report)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        trainer.run()
    page = Page(report._repr_html_())
    (_, attributes), = page.elements
    assert 'Summary' in Page(attributes['srcdoc']).tables
