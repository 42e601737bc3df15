"""The report in a real browser: no error, nothing loaded, values below the pointer, room on a phone."""
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import reports
from autograd_nn.reports.run import configuration, curves, summary

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium')]

# Before the page, and after it.
WATCH = '<script>const errors = []; window.addEventListener("error", event => errors.push(event.message));</script>'
LOOK = '''<script>
addEventListener('load', () => {
  const chart = document.querySelector('.chart'), tips = [];
  const point = part => {
    const svg = chart.querySelector('svg:not([hidden])'), frame = svg.getBoundingClientRect();
    const [left, , wide] = JSON.parse(svg.dataset.box), zoom = frame.width / svg.viewBox.baseVal.width;
    chart.querySelector('.plot').dispatchEvent(new PointerEvent('pointermove', {
      clientX: frame.left + zoom * (left + part * wide), clientY: frame.top + frame.height / 2, bubbles: true}));
    const spots = [...chart.querySelectorAll('.spot')].map(spot => ['cx', 'cy'].map(name => +spot.getAttribute(name)));
    tips.push([chart.querySelector('.tip').innerText, spots, svg.getAttribute('class')]);
  };
  point(0.26); point(1);
  chart.querySelector('.scale').click();
  point(0.26);
  const result = document.createElement('pre');
  result.id = 'result';
  result.textContent = JSON.stringify({
    errors, tips, width: document.documentElement.scrollWidth, room: innerWidth,
    background: getComputedStyle(document.body).backgroundColor,
    images: [...document.images].map(image => image.complete && image.naturalWidth),
    loaded: performance.getEntriesByType('resource').map(entry => entry.name).filter(name => !name.startsWith('data:')),
  });
  document.body.append(result);
});
</script>'''


def browse(text, folder, *flags):
    """What a browser finds on a page."""
    text = text.replace('<head>', f'<head>{WATCH}', 1).replace('</body>', f'{LOOK}</body>')
    (folder / 'page.html').write_text(text, encoding='utf-8')
    process = subprocess.run([
        CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run',
        '--disable-component-update', '--disable-sync', f'--user-data-dir={folder / "profile"}', '--dump-dom', *flags,
        (folder / 'page.html').as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return json.loads(re.search('<pre id="result">(.*?)</pre>', process.stdout)[1])


@pytest.fixture(scope='module')
def text():
    """The page of a run of five epochs, with every kind of element."""
    log = [{'main/loss': 2. / epoch, 'validation/main/loss': 3. / epoch, 'lr': 0.1, 'epoch': epoch, 'iteration': epoch,
            'elapsed_time': 1. * epoch} for epoch in range(1, 6)]
    run = reports.Run('<run>', log, {'arguments': {'model': 'a' * 300}}, 'x ' * 200, memory=[(1, 100.), (2, 120.)])
    network = ann.Sequential(L.Convolution2D(1, 9, 3), L.Linear(None, 4))
    x = np.random.RandomState(0).rand(1, 1, 20, 20).astype('f')
    F.sum(network(x)).backward()
    return reports.page('A run', 'running', [
        summary(run), curves([run]), *reports.class_sections(np.eye(20, dtype=int), [f'class {i}' for i in range(20)]),
        *reports.inspect_layers(network, lambda: network(x)), reports.distributions(network.namedparams()),
        configuration(run)], is_running=True)


def test_values_below_the_pointer(text, tmp_path):
    found = browse(text, tmp_path, '--window-size=1100,900')
    assert found['errors'] == [] and found['loaded'] == []
    assert len(found['images']) == 4 and all(found['images'])
    (first, spots, kind), (last, _, _), (again, log_spots, log_kind) = found['tips']
    assert first.splitlines() == ['epoch 2', 'training: 1', 'validation: 1.5000'] == again.splitlines()
    assert last.splitlines() == ['epoch 5', 'training: 0.40000', 'validation: 0.60000']
    assert (kind, log_kind) == ('linear', 'log')
    # The spots are on the lines.
    chart = text[text.index('<figure class="chart"'):]
    for kind, where in ('linear', spots), ('log', log_spots):
        lines = re.findall('points="(.*?)"', re.search(f'class="{kind}".*?</svg>', chart)[0])
        np.testing.assert_allclose(where, [list(map(float, line.split()[1].split(','))) for line in lines], atol=0.06)


@pytest.mark.parametrize('scheme, background', [(0, 'rgb(20, 23, 26)'), (1, 'rgb(255, 255, 255)')])
def test_dark_and_light(text, tmp_path, scheme, background):
    found = browse(text, tmp_path, f'--blink-settings=preferredColorScheme={scheme}')
    assert found['errors'] == [] and found['background'] == background


def test_a_phone_has_room(text, tmp_path):
    """Chromium's windows are at least 500 wide: the page is put into a frame."""
    inner = (text.replace('<head>', f'<head>{WATCH}', 1).replace('</body>', f'{LOOK}</body>'))
    (tmp_path / 'inner.html').write_text(inner, encoding='utf-8')
    frame = ('<!DOCTYPE html><html><head></head><body><iframe id="frame" width="390" height="800" src="inner.html">'
             '</iframe></body></html>')
    outer = '''<script>addEventListener('load', () => setTimeout(() => {
      const result = document.createElement('pre');
      result.id = 'result';
      result.textContent = frame.contentDocument.getElementById('result').textContent;
      document.body.append(result); }, 200)); </script>'''
    (tmp_path / 'page.html').write_text(frame.replace('</head>', f'{outer}</head>'), encoding='utf-8')
    process = subprocess.run([
        CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--allow-file-access-from-files',
        f'--user-data-dir={tmp_path / "profile"}', '--virtual-time-budget=3000', '--dump-dom',
        (tmp_path / 'page.html').as_uri()], capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(re.search('<pre id="result">(.*?)</pre>', process.stdout)[1])
    assert found['errors'] == [] and found['room'] == 390 and found['width'] <= 390
