/** Draws temperatures over time: a solid line for what is, a dashed one for what was wanted. */

import { colour, fit_canvas } from './dom.js';
import { round_step, SPAN } from './series.js';

/**
 * @param {HTMLCanvasElement} canvas @param {import('./series.js').TemperatureHistory} history
 * @param {{name: string, colour: string}[]} lines
 */
export function draw_chart(canvas, history, lines) {
  const { pen, width, height } = fit_canvas(canvas);
  const [left, bottom] = [30, height - 18];
  const step = round_step(history.highest() * 1.08, 5);
  const top = Math.ceil((history.highest() * 1.04) / step) * step;
  const x = (/** @type {number} */ age) => width - 1 - (age / (SPAN - 1)) * (width - left - 1);
  const y = (/** @type {number} */ value) => bottom - (value / top) * (bottom - 8);

  pen.font = '11px system-ui, sans-serif';
  pen.fillStyle = colour('--muted');
  pen.strokeStyle = colour('--line');
  pen.beginPath();
  pen.textAlign = 'right';
  for (let value = 0; value <= top; value += step) {
    pen.moveTo(left, Math.round(y(value)) + 0.5);
    pen.lineTo(width, Math.round(y(value)) + 0.5);
    pen.fillText(String(value), left - 6, y(value) + 4);
  }
  pen.stroke();
  pen.textAlign = 'center';
  for (let age = 300; age < SPAN; age += 300) pen.fillText(`−${age / 60} min`, x(age), height - 4);
  for (const { name, colour } of lines) {
    const sensor = history.sensor(name);
    pen.strokeStyle = colour;
    draw_line(pen, sensor.target, x, y, 1, [3, 4]);
    draw_line(pen, sensor.temperature, x, y, 2, []);
  }
}

/**
 * @param {CanvasRenderingContext2D} pen @param {import('./series.js').Ring} ring
 * @param {(age: number) => number} x @param {(value: number) => number} y @param {number} width @param {number[]} dash
 */
function draw_line(pen, ring, x, y, width, dash) {
  pen.beginPath();
  pen.lineWidth = width;
  pen.lineJoin = 'round';
  pen.setLineDash(dash);
  let down = false;
  for (let age = SPAN - 1; age >= 0; age--) {
    const value = ring.at(age);
    if (Number.isNaN(value) || (dash.length && value === 0)) down = false;
    else if (down) pen.lineTo(x(age), y(value));
    else {
      pen.moveTo(x(age), y(value));
      down = true;
    }
  }
  pen.stroke();
  pen.setLineDash([]);
}
