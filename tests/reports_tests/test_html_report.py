"""The report of a training: what is in it, while it runs and afterwards."""
import itertools
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import reports, training
from autograd_nn.reports.run import configuration, curves, summary
from autograd_nn.training import extensions
from autograd_nn.utils.sampling import sample_elements
from support.pages import Page, check_self_contained
from support.toy import make_trainer


def read(folder):
    return check_self_contained((folder / 'report.html').read_text(encoding='utf-8'))


def test_it_says_what_the_log_says(tmp_path):
    trainer = make_trainer(tmp_path, stop=(3, 'epoch'), extensions=False)
    trainer.extend(training.extensions.LogReport(filename='log.json'))
    trainer.extend(training.extensions.observe_lr())
    trainer.extend(reports.HtmlReport('a <small> run', {'arguments': {'units': 5, 'amp': None}}, 'python "train".py',
                                      lambda: [reports.Section('Mine', [reports.Table(['a'], [['b', 7]])])]))
    trainer.run()
    log = json.loads((tmp_path / 'log.json').read_text())
    text = (tmp_path / 'report.html').read_text(encoding='utf-8')
    page = read(tmp_path)
    assert '<title>a &lt;small&gt; run</title>' in text and '<b>complete</b>' in text and 'refresh' not in text
    rows = {row[0][0]: [value for _, value in row[1:]] for row in page.tables['Summary']}
    for key in 'main/loss', 'main/accuracy', 'main/count':
        values = [entry[key] for entry in log]
        last, lowest, at_lowest, highest, at_highest = rows[key]
        assert (last, lowest, highest) == (values[-1], min(values), max(values))
        assert log[int(at_lowest) - 1][key] == lowest and log[int(at_highest) - 1][key] == highest
    data = [json.loads(each) for each in text.split('<script type="application/json">')[1:]
            for each in [each.partition('</script>')[0]]]
    points = {series['name']: series['points'] for chart in data for series in chart}
    assert points['learning rate'] == [[entry['epoch'], entry['lr']] for entry in log]
    losses = next(chart for chart in data if [2, log[1]['main/loss']] in chart[0]['points'])
    assert losses[0]['points'] == [[entry['epoch'], entry['main/loss']] for entry in log]
    assert page.tables['Mine'][-1] == [['b', None], ['7', 7.]]
    assert [row[0][0] for row in page.tables['Weights and gradients'][1:]] == [
        path.lstrip('/') for path, _ in trainer.updater.get_optimizer('main').target.namedparams()]
    assert 'python &quot;train&quot;.py' in text and ['--units', '5'] in [
        [text for text, _ in row] for row in page.tables['Configuration']]


def test_it_can_be_read_while_the_training_runs_and_when_it_was_interrupted(tmp_path, monkeypatch):
    """On a clock of the test's own, on which more than a second passes until the first epoch ends."""
    monkeypatch.setattr(extensions.figure, 'time', SimpleNamespace(perf_counter=itertools.count(step=2).__next__))
    trainer = make_trainer(tmp_path, stop=(5, 'epoch'), extensions=False)
    trainer.extend(training.extensions.LogReport())
    trainer.extend(reports.HtmlReport())
    seen = []

    @training.make_extension(trigger=(1, 'epoch'), priority=-1000)
    def look(trainer):
        seen.append((tmp_path / 'report.html').read_text(encoding='utf-8'))
        if trainer.updater.epoch == 3:
            raise KeyboardInterrupt

    trainer.extend(look)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(show_loop_exception_msg=False)
    assert '<b>running</b>' in seen[0] and 'http-equiv="refresh"' in seen[0]
    check_self_contained(seen[0])
    text = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert '<b>interrupted</b>' in text and 'refresh' not in text
    assert ['epochs', '3'] in [[cell for cell, _ in row] for row in read(tmp_path).tables['Summary']]
    assert not list(tmp_path.glob('.*tmp'))


def test_it_needs_a_log():
    trainer = make_trainer('unused', extensions=False)
    trainer.extend(reports.HtmlReport())
    with pytest.raises(ValueError, match='LogReport'):
        trainer.get_extension('HtmlReport').initialize(trainer)


def test_the_memory_goes_on_after_a_resumption(tmp_path):
    for resumed in False, True:
        trainer = make_trainer(tmp_path, stop=(4 if resumed else 2, 'epoch'), extensions=False)
        trainer.extend(training.extensions.LogReport())
        trainer.extend(reports.HtmlReport())
        if resumed:
            ann.serializers.load_npz(tmp_path / 'state', trainer)
        trainer.run()
        ann.serializers.save_npz(tmp_path / 'state', trainer)
        text = (tmp_path / 'report.html').read_text(encoding='utf-8')
        whole = next(chart for chart in map(json.loads, (part.partition('</script>')[0] for part in text.split(
            '<script type="application/json">')[1:])) if chart[0]['name'] == 'most in use')
    assert [x for x, _ in whole[0]['points']] == [1, 2, 3, 4]
    assert all(10 < y < 1e5 for _, y in whole[0]['points'])


def test_a_thousand_epochs_stay_small(tmp_path):
    state = np.random.RandomState(0)
    Image.fromarray(state.randint(0, 255, (900, 1400, 3), np.uint8)).save(tmp_path / 'results.png')  # the worst case
    log = [{key: float(state.rand()) for key in (
        'main/loss', 'validation/main/loss', 'main/accuracy', 'validation/main/accuracy', 'lr', 'images/s',
        'main/loss/location', 'main/loss/confidence', 'validation/main/map', 'gen/loss', 'dis/loss')}
        | {'epoch': i + 1, 'iteration': 10 * i, 'elapsed_time': float(i)} for i in range(1000)]
    (tmp_path / 'log.json').write_text(json.dumps(log))
    run = reports.read_run(tmp_path)
    assert set(run.pictures) == {'What it says of samples'}
    text = reports.page(run.title, '', [summary(run), curves([run]), *reports.run.pictures(run), configuration(run)])
    assert 100_000 < len(text.encode()) < 2_000_000
    page = check_self_contained(text)
    assert len(page.tables['Configuration']) == 51 and page.tables['Configuration'][-1][0][0] == '1,000'
    rows = {row[0][0]: row[1][1] for row in page.tables['Summary']}
    assert all(rows[key] == log[-1][key] for key in log[0] if key not in ('epoch', 'iteration', 'elapsed_time'))


class Deep(ann.ChainList):
    """Many layers of sigmoids, through which no gradient gets to the first ones."""

    def __init__(self):
        super().__init__(*(L.Linear(8, 8) for _ in range(9)), L.Linear(8, 2))

    def forward(self, x):
        for link in self[:-1]:
            x = F.sigmoid(link(x))
        return self[-1](x)


def remarks(network):
    section = reports.distributions((path, param) for path, param in network.namedparams())
    return {row[0][0].strip('/'): row[-1][0] for row in Page(section.html()).tables['Weights and gradients'][1:]}


def test_vanishing_gradients_are_marked():
    ann.random.seed(0)
    network = Deep()
    assert set(remarks(network).values()) == {''}, 'there are no gradients yet'
    F.sum(network(np.ones((4, 8), 'f')) ** 2).backward()
    rms = {path.strip('/'): float(np.sqrt((param.grad ** 2).mean())) for path, param in network.namedparams()
           if param.ndim > 1}
    expected = {name for name in rms if rms[name] <= 1e-3 * max(rms.values())}
    found = remarks(network)
    assert {name for name in found if found[name] == 'vanishing'} == expected and '0/W' in expected
    assert '9/W' not in expected
    network[9].W.grad[0, 0] = np.nan
    network[3].disable_update()
    found = remarks(network)
    assert found['9/W'] == 'not finite'
    ann.optimizers.SGD().setup(network)
    network[3].disable_update()
    assert remarks(network)['3/W'] == 'frozen'


def test_statistics_of_arrays_in_any_layout():
    x = np.random.RandomState(0).randn(6, 4, 5, 3).astype('f')
    for each in x, x.transpose(0, 2, 3, 1), x[::2], x[:, ::-1]:
        statistics = reports.layers.describe(each)
        np.testing.assert_allclose(statistics[:3], [each.mean(), each.std(), np.sqrt((each ** 2).mean())], rtol=1e-5,
                                   atol=1e-7)
        np.testing.assert_array_equal(statistics.histogram, np.histogram(each, 32)[0])
    many = sample_elements(np.arange(10 ** 6), 1000)
    assert len(many) == 1000 and math.isclose(many.mean(), 499_500)


class Small(ann.Chain):
    def __init__(self):
        super().__init__(conv=L.Convolution2D(3, 5, 3), bn=L.BatchNormalization(5), fc=L.Linear(None, 7))

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.conv(x))))


def test_layers_of_a_convolutional_network():
    ann.random.seed(0)
    network = Small()
    x = np.random.RandomState(0).rand(2, 3, 8, 8).astype('f')
    network(x)
    average = network.bn.avg_mean.copy()
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    filters, activations = reports.inspect_layers(network, lambda: (np.random.rand(), network(x)))
    assert before == (np.random.get_state()[1].tolist(), np.random.get_state()[2])
    np.testing.assert_array_equal(network.bn.avg_mean, average)
    assert (filters.title, activations.title) == ('Filters of the first layer', 'Activations')
    assert '5 of 5, in colour' in filters.note
    page = Page(filters.html() + activations.html())
    with ann.using_config('train', False):
        y = network.conv(x).array[0]
    rows = page.tables['Activations'][1:]
    assert [[row[0][0], row[2][0], row[3][0]] for row in rows] == [
        ['conv', 'Convolution2D', '5 × 6 × 6'], ['bn', 'BatchNormalization', '5 × 6 × 6'], ['fc', 'Linear', '7']]
    np.testing.assert_allclose([rows[0][4][1], rows[0][5][1]], [y.mean(), y.std()], rtol=1e-5)
    assert rows[0][6][0] == f'{(y <= 0).mean():.0%}'
    assert len([tag for tag, _ in page.elements if tag == 'img']) == 1 + 1 + 3
    assert reports.inspect_layers(network, lambda: None) == []


def test_filters_of_a_perceptron_are_pictures_of_its_input():
    network = ann.Sequential(L.Linear(12, 4))
    filters, _ = reports.inspect_layers(network, lambda: network(np.ones((2, 1, 3, 4), 'f')))
    picture = filters.elements[0].image
    assert picture.size == (4 * 5 - 1, 3)
    pixels, weights = np.asarray(picture)[:, :4, 0], network[0].W.array[0].reshape(3, 4)
    assert pixels[np.unravel_index(weights.argmax(), (3, 4))] == 255 and pixels.min() == 0


def test_precision_and_recall_are_those_of_scikit_learn():
    metrics = pytest.importorskip('sklearn.metrics')
    state = np.random.RandomState(0)
    truth, predicted = state.randint(0, 5, 300), state.randint(0, 5, 300)
    truth[truth == 4] = 3  # one class is never there, though it is predicted
    counts = reports.count_pairs(truth, predicted, 5)
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(truth, predicted))
    matrix, scores = reports.class_sections(counts, list('abcde'))
    expected = metrics.precision_recall_fscore_support(truth, predicted, zero_division=np.nan)
    page = Page(matrix.html() + scores.html())
    for i, (name, *values) in enumerate(page.tables['Precision and recall'][1:]):
        assert name[0] == 'abcde'[i]
        np.testing.assert_allclose([math.nan if value is None else value for _, value in values],
                                   [column[i] for column in expected], rtol=1e-12)
    assert [[int(cell.replace(',', '')) for cell, _ in row[1:]] for row in page.tables['Confusion matrix'][1:]
            ] == counts.tolist()
    assert f'{(truth == predicted).sum()} of 300' in matrix.note


def test_many_classes_have_no_matrix_but_pairs():
    counts = np.diag(np.full(200, 50))
    counts[3, 7], counts[199, 0] = 12, 11
    matrix, scores = reports.class_sections(counts, [f'class {i}' for i in range(200)])
    page = Page(matrix.html() + scores.html())
    assert [[cell for cell, _ in row[:3]] for row in page.tables['Confusion matrix'][1:]] == [
        ['class 3', 'class 7', '12'], ['class 199', 'class 0', '11']]
    assert len(page.tables['Precision and recall']) == 101


def test_pictures_keep_pages_small():
    state = np.random.RandomState(0)
    noise = Image.fromarray(state.randint(0, 255, (2000, 2000, 3), np.uint8))
    data, kind = reports.elements.encode(noise)
    assert kind == 'jpeg' and len(data) < 400_000
    tiny = Image.fromarray(state.randint(0, 255, (28, 28, 3), np.uint8))
    data, kind = reports.elements.encode(tiny)
    assert kind == 'png'
    assert reports.elements.encode(data) == (data, 'png')
