/** Every heater and sensor: its temperature, power and target, which can be set, and the last twenty minutes. */

import { draw_chart } from './chart.js';
import { colour, get, make, redraw, set, show } from './dom.js';
import { fixed, label } from './format.js';
import { attempt } from './speak.js';
import { is_ready } from './store.js';

const TINTS = { extruder: '--hot', heater_bed: '--bed' }; // others take theirs in turn

/** @param {import('./session.js').Session} session */
export function show_temperatures(session) {
  const { store, history } = session;
  let rows = [];
  const names = () => store.state.status.heaters?.available_sensors ?? [];
  const draw = () => draw_chart(get('chart'), history, Object.fromEntries(rows.map(({ name, tint }) => [name, colour(tint)])));
  store.watch((state) => {
    if (names().join() !== rows.map(({ name }) => name).join()) {
      rows = names().map((name, index) => make_row(session, name, TINTS[name] ?? `--sensor${index % 4}`));
      get('temperatures').replaceChildren(...rows.map(({ element }) => element));
    }
    for (const row of rows) show_row(row, state.status[row.name] ?? {}, is_ready(state));
    set('cool-down', { disabled: !is_ready(state) });
  });
  get('cool-down').onclick = () => attempt(session.run('TURN_OFF_HEATERS'));
  session.on('synchronised', draw);
  redraw(get('chart'), draw);
  setInterval(() => {
    if (store.state.link === 'open') history.sample(names(), store.state.status);
    if (!document.hidden) draw();
  }, 1000);
  // A hidden page is woken too rarely to take samples; the broker has them all.
  document.onvisibilitychange = () => document.hidden || session.load_temperatures().then(draw, () => {});
}

function make_row(session, name, tint) {
  const [now, power, target] = [make('td', { className: 'now' }), make('td', { className: 'power' }), make('td')];
  const input = make('input', { type: 'number', min: 0, max: 500, 'aria-label': `${label(name)} target in °C` });
  const row = { name, tint, now, power, target, input, wanted: '', element: make('tr') };
  input.onchange = async () => {
    if (input.value !== row.wanted) await attempt(session.run(target_command(name, Number(input.value))));
    input.value = row.wanted;
  };
  input.onkeydown = ({ key }) => {
    if (key === 'Escape') input.value = row.wanted;
    if (key === 'Escape' || key === 'Enter') input.blur();
  };
  const swatch = make('i', { className: 'swatch' });
  swatch.style.background = `var(${tint})`;
  row.element.append(make('th', { scope: 'row' }, swatch, label(name)), power, now, target);
  return row;
}

/** @param {any} row @param {Record<string, any>} fields of its sensor @param {boolean} ready */
function show_row(row, { temperature, target, power }, ready) {
  show(row.now, `${fixed(temperature, 1)} °C`);
  show(row.power, power == null ? '' : `${fixed(power * 100)} %`);
  if (target == null) return;
  if (!row.input.parentNode) row.target.append(row.input, ' °C');
  row.wanted = String(Math.round(target * 10) / 10);
  set(row.input, { disabled: !ready });
  if (document.activeElement !== row.input) set(row.input, { value: row.wanted });
}

/** @returns {string} G-code */
function target_command(name, target) {
  const short = name.split(' ').at(-1);
  if (name.startsWith('temperature_fan ')) return `SET_TEMPERATURE_FAN_TARGET TEMPERATURE_FAN=${short} TARGET=${target}`;
  return `SET_HEATER_TEMPERATURE HEATER=${short} TARGET=${target}`;
}
