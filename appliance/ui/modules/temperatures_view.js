/** Every heater and sensor: its temperature, power and target, which can be set, and the last twenty minutes. */

import { draw_chart } from './chart.js';
import { colour, get, make, redraw, set, set_text } from './dom.js';
import { fixed, label } from './format.js';
import { attempt } from './speak.js';
import { is_ready } from './store.js';

/** @param {string} name @param {number} index @returns {string} the custom property with the sensor's colour */
function colour_of(name, index) {
  return name.startsWith('extruder') && index === 0 ? '--hot' : name === 'heater_bed' ? '--bed' : `--sensor${index % 4}`;
}

/** @param {string} name @param {number} target °C @returns {string} G-code */
function target_command(name, target) {
  const short = name.split(' ').at(-1);
  return name.startsWith('temperature_fan ')
    ? `SET_TEMPERATURE_FAN_TARGET TEMPERATURE_FAN=${short} TARGET=${target}`
    : `SET_HEATER_TEMPERATURE HEATER=${short} TARGET=${target}`;
}

/** @param {import('./session.js').Session} session */
export function show_temperatures(session) {
  const { store, history } = session;
  /** @type {Map<string, Row>} */
  let rows = new Map();
  const draw = () => {
    const lines = [...rows.keys()].map((name, index) => ({ name, colour: colour(colour_of(name, index)) }));
    draw_chart(get('chart'), history, lines);
  };
  store.watch((state) => {
    const names = /** @type {string[]} */ (state.status.heaters?.available_sensors ?? []);
    if (names.join() !== [...rows.keys()].join()) {
      rows = new Map(names.map((name, index) => [name, new Row(session, name, colour_of(name, index))]));
      get('temperatures').replaceChildren(...[...rows.values()].map((row) => row.element));
      draw();
    }
    for (const [name, row] of rows) row.show(state.status[name] ?? {}, is_ready(state));
    set(get('cool-down'), { disabled: !is_ready(state) });
  });
  get('cool-down').onclick = () => attempt(session.run('TURN_OFF_HEATERS'));
  session.on('synchronised', draw);
  redraw(get('chart'), draw);
  setInterval(() => {
    session.sample_temperatures();
    if (!document.hidden) draw();
  }, 1000);
  // A hidden page is woken too rarely to take samples; the broker has them all.
  document.addEventListener('visibilitychange', () => !document.hidden && session.load_temperatures().then(draw, () => {}));
}

/** One line of the table. */
class Row {
  /** @param {import('./session.js').Session} session @param {string} name @param {string} tint */
  constructor(session, name, tint) {
    this.session = session;
    this.name = name;
    this.now = make('td', { className: 'now' });
    this.power = make('td', { className: 'power' });
    this.input = make('input', { type: 'number', min: 0, max: 500, step: 1, inputMode: 'numeric', 'aria-label': `${label(name)} target in °C` });
    this.input.onchange = () => this.send();
    this.input.onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Escape') this.input.value = this.target;
      if (event.key === 'Enter' || event.key === 'Escape') this.input.blur();
    };
    this.target_cell = make('td', {});
    this.target = '';
    const swatch = make('span', { className: 'swatch' });
    swatch.style.background = `var(${tint})`;
    this.element = make('tr', {}, make('th', { scope: 'row' }, swatch, label(name)), this.power, this.now, this.target_cell);
  }

  /** @param {Record<string, any>} fields @param {boolean} ready */
  show({ temperature, target, power }, ready) {
    set_text(this.now, `${fixed(temperature, 1)} °C`);
    set_text(this.power, power == null ? '' : `${Math.round(power * 100)} %`);
    if (target == null) return;
    if (!this.target_cell.firstChild) this.target_cell.append(this.input, ' °C');
    this.target = String(Math.round(target * 10) / 10);
    set(this.input, { disabled: !ready });
    if (document.activeElement !== this.input) set(this.input, { value: this.target });
  }

  async send() {
    const wanted = Number(this.input.value || 0);
    if (String(wanted) !== this.target) await attempt(this.session.run(target_command(this.name, wanted)));
  }
}
