/** Draws temperatures over time: a solid line for what is, a dashed one for what was wanted. */

import { clear, colour } from './dom.js';
import { round_step } from './series.js';

/** @param {HTMLCanvasElement} canvas @param {import('./series.js').TemperatureHistory} history @param {Record<string, string>} colours by sensor */
export function draw_chart(canvas, history, colours) {
  const [pen, width, bottom, left] = [clear(canvas), canvas.clientWidth, canvas.clientHeight - 18, 32];
  const highest = history.highest() * 1.04;
  const step = round_step(highest, 5);
  const span = history.span();
  const x = (age) => width - (age / span) * (width - left);
  const y = (value) => bottom - (value / (Math.ceil(highest / step) * step)) * (bottom - 8);

  pen.font = '11px system-ui, sans-serif';
  pen.fillStyle = colour('--muted');
  pen.strokeStyle = colour('--line');
  pen.textAlign = 'right';
  for (let value = 0; value < highest + step; value += step) {
    pen.strokeRect(left, Math.round(y(value)) + 0.5, width, 0);
    pen.fillText(String(value), left - 6, y(value) + 4);
  }
  pen.textAlign = 'center';
  const minutes = span > 300 ? 5 : 1;
  for (let age = minutes; age * 60 < span; age += minutes) pen.fillText(`−${age} min`, x(age * 60), bottom + 14);
  pen.lineJoin = 'round';
  for (const [name, tint] of Object.entries(colours)) {
    const { temperature, target } = history.sensor(name);
    pen.strokeStyle = tint;
    pen.setLineDash([3, 4]);
    draw_line(pen, (age) => target.at(age) || NaN, span, x, y); // no line where it was off
    pen.setLineDash([]);
    pen.lineWidth = 2;
    draw_line(pen, (age) => temperature.at(age), span, x, y);
    pen.lineWidth = 1;
  }
}

function draw_line(pen, value_at, span, x, y) {
  let down = false;
  pen.beginPath();
  for (let age = span - 1; age >= 0; age--) {
    const value = value_at(age);
    if (down) pen.lineTo(x(age), y(value));
    else pen.moveTo(x(age), y(value));
    down = !Number.isNaN(value);
  }
  pen.stroke();
}
