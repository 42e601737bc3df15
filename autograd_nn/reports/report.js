'use strict';

const digits = value => Number.isInteger(value) ? String(value) : value.toPrecision(5);

// What the reader has chosen stays so when the page of a running training is loaded anew.
const remember = (key, value) => { try { sessionStorage.setItem(key, value); } catch (error) { /* a sandbox has none */ } };
const recall = key => { try { return sessionStorage.getItem(key); } catch (error) { return null; } };

function nearest(points, x) {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1; else high = middle;
  }
  return low > 0 && x - points[low - 1][0] < points[low][0] - x ? points[low - 1] : points[low];
}

function follow(chart) {
  const series = JSON.parse(chart.querySelector('script').textContent).filter(each => each.points.length);
  const plot = chart.querySelector('.plot'), tip = chart.querySelector('.tip');
  const hide = () => { tip.hidden = true; plot.querySelectorAll('.cursor, .spot').forEach(node => node.remove()); };
  plot.addEventListener('pointerleave', hide);
  plot.addEventListener('pointermove', event => {
    hide();
    const svg = plot.querySelector('svg:not([hidden])'), frame = svg.getBoundingClientRect();
    const [left, top, wide, high, x0, x1, y0, y1] = JSON.parse(svg.dataset.box);
    const zoom = svg.viewBox.baseVal.width / frame.width;
    const wanted = x0 + (x1 - x0) * ((event.clientX - frame.left) * zoom - left) / wide;
    const found = series.map(each => [each, nearest(each.points, wanted)]);
    const x = found.map(([, point]) => point[0]).reduce((a, b) => Math.abs(a - wanted) <= Math.abs(b - wanted) ? a : b);
    const across = left + wide * (x - x0) / (x1 - x0);
    const node = (kind, attributes) => {
      const made = document.createElementNS('http://www.w3.org/2000/svg', kind);
      Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
      svg.append(made);
    };
    node('path', {class: 'cursor', d: `M${across} ${top}v${high}`});
    tip.replaceChildren(`${chart.dataset.x} ${digits(x)}`);
    const log = svg.classList.contains('log');
    found.filter(([, point]) => point[0] === x).slice(0, 12).forEach(([each, [, y]]) => {
      const part = log ? Math.log(y / y0) / Math.log(y1 / y0) : (y - y0) / (y1 - y0);
      if (Number.isFinite(part)) node('circle', {class: `spot s${each.colour}`, cx: across, cy: top + high * (1 - part), r: 3.5});
      const row = document.createElement('div'), dot = document.createElement('i');
      dot.className = `s${each.colour}`;
      row.append(dot, `${each.name}: ${digits(y)}`);
      tip.append(row);
    });
    tip.hidden = false;
    const pixels = across / zoom, room = plot.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, pixels + 12 > room ? Math.min(pixels - tip.offsetWidth - 12, room) : pixels + 12)}px`;
  });
  const button = chart.querySelector('.scale');
  if (!button) return;
  const key = `scale of ${chart.querySelector('b').textContent}`;
  const choose = log => {
    hide();
    button.setAttribute('aria-pressed', log);
    plot.querySelector('.log').toggleAttribute('hidden', !log);
    plot.querySelector('.linear').toggleAttribute('hidden', log);
    remember(key, log);
  };
  button.hidden = false;
  button.addEventListener('click', () => choose(button.getAttribute('aria-pressed') !== 'true'));
  choose(recall(key) === 'true');
}

document.querySelectorAll('.chart').forEach(follow);
