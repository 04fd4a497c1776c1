/** The page's pure modules, with node's own test runner: `node --test trial-tests/appliance/ui/`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection, retry_delay } from '../../../appliance/ui/modules/connection.js';
import { CommandHistory, kind_of } from '../../../appliance/ui/modules/console_lines.js';
import { layer, progress, remaining } from '../../../appliance/ui/modules/estimate.js';
import { bytes, duration, file_address, fixed, label, length } from '../../../appliance/ui/modules/format.js';
import { Ring, round_step, SPAN, TemperatureHistory } from '../../../appliance/ui/modules/series.js';
import { has_job, is_ready, merge_status, Store } from '../../../appliance/ui/modules/store.js';
import { Toolpath } from '../../../appliance/ui/modules/toolpath.js';

/** Timers and clock that go on by tick() alone, for one test. (Node 18 has none of its own.) */
function fakeTime(context) {
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: Date.now };
  const waiting = new Map();
  let now = 0;
  let count = 0;
  globalThis.setTimeout = (run, delay = 0, ...rest) => {
    waiting.set(++count, { at: now + delay, run: () => run(...rest) });
    return count;
  };
  globalThis.clearTimeout = (id) => waiting.delete(id);
  Date.now = () => now;
  context.after(() => {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Date.now = real.now;
  });
  const first = (end) => [...waiting].filter(([, call]) => call.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
  return {
    tick(duration) {
      const end = now + duration;
      for (let next = first(end); next; next = first(end)) {
        waiting.delete(next[0]);
        now = next[1].at;
        next[1].run();
      }
      now = end;
    },
  };
}

test('numbers are written for people', () => {
  assert.deepEqual([0, 59.6, 61, 3599.4, 3900, 360000].map(duration), ['0s', '1m 00s', '1m 01s', '59m 59s', '1h 05m', '100h 00m']);
  assert.deepEqual([null, undefined, NaN].map(duration), ['–', '–', '–']);
  assert.deepEqual([0, 999, 1000, 1146229, 5e12].map(bytes), ['0 B', '999 B', '1.0 kB', '1.1 MB', '5000.0 GB']);
  assert.deepEqual([12.4, 3124.11].map(length), ['12 mm', '3.12 m']);
  assert.deepEqual([fixed(-0.001, 2), fixed(undefined, 1), fixed(1.25, 1)], ['0.00', '–', '1.3']);
});

test('objects and files get their names and addresses', () => {
  const names = ['heater_bed', 'extruder', 'extruder1', 'heater_generic my_chamber', 'temperature_sensor mcu_temp'];
  assert.deepEqual(names.map(label), ['Bed', 'Extruder', 'Extruder1', 'My chamber', 'Mcu temp']);
  assert.equal(file_address('a b/50% #1.gcode'), '/server/files/gcodes/a%20b/50%25%20%231.gcode');
});

test('a status update replaces only what it names', () => {
  const before = { toolhead: { homed_axes: '', speed: 5 }, fan: { speed: 0 } };
  const after = merge_status(before, { toolhead: { homed_axes: 'xyz' }, extruder: { target: 200 } });
  assert.deepEqual(after, { toolhead: { homed_axes: 'xyz', speed: 5 }, fan: { speed: 0 }, extruder: { target: 200 } });
  assert.equal(after.fan, before.fan);
  assert.equal(before.toolhead.homed_axes, '');
});

test('the store tells its watchers once for many changes', () => {
  const later = [];
  const store = new Store((run) => later.push(run));
  const seen = [];
  store.watch((state) => seen.push([is_ready(state), has_job(state)]));
  store.change({ link: 'open' });
  store.merge({ webhooks: { state: 'ready', state_message: 'Printer is ready' }, print_stats: { state: 'paused' } });
  assert.equal(later.length, 1);
  later[0]();
  assert.deepEqual(seen, [[false, false], [true, true]]);
  store.merge({ webhooks: { state: 'shutdown' } });
  assert.equal(later.length, 2);
  assert.deepEqual(store.state.host, { state: 'shutdown', message: 'Printer is ready', name: '' });
});

test('a ring forgets the oldest and says what was not known', () => {
  const ring = new Ring();
  assert.ok(Number.isNaN(ring.at(0)));
  for (let value = 0; value < SPAN + 10; value++) ring.push(value);
  assert.deepEqual([ring.at(0), ring.at(SPAN - 1)], [SPAN + 9, 10]);
  ring.push(null);
  assert.ok(Number.isNaN(ring.at(0)));
});

test('the history takes over what the broker stored, and goes on', () => {
  const history = new TemperatureHistory();
  history.load({ extruder: { temperatures: [20, 30], targets: [0, 260] }, chamber: { temperatures: [null, 25] } });
  history.sample(['extruder'], { extruder: { temperature: 40, target: 200 } });
  assert.deepEqual([0, 1, 2].map((age) => history.sensor('extruder').temperature.at(age)), [40, 30, 20]);
  assert.equal(history.highest(), 260);
  assert.equal(history.span(), 300);
  for (let second = 0; second < 2000; second++) history.sample(['extruder'], { extruder: { temperature: second / 10 } });
  assert.deepEqual([history.span(), Math.round(history.highest())], [1200, 200]);
  assert.equal(history.sensor('chamber').temperature.at(0), 25);
});

test('the marks of an axis are round and few', () => {
  assert.deepEqual([50, 223, 260, 300, 1].map((span) => round_step(span, 5)), [10, 50, 100, 100, 0.2]);
});

test('progress counts commands, not the comments around them', () => {
  const card = { progress: 0.5, file_position: 600 };
  assert.equal(progress(card, {}), 0.5);
  assert.equal(progress(card, { gcode_start_byte: 400, gcode_end_byte: 800 }), 0.5);
  assert.equal(progress({ file_position: 900 }, { gcode_start_byte: 400, gcode_end_byte: 800 }), 1);
  assert.equal(progress({}, {}), 0);
});

test('the time left goes over from the slicer to the pace of the print', () => {
  assert.equal(remaining(0, 0, undefined), null);
  assert.equal(remaining(0, 0, 1000), 1000);
  assert.equal(remaining(0.5, 600, undefined), 600);
  assert.equal(remaining(0.5, 600, 1000), 500); // half of 600 by pace and 400 by slicer
  assert.equal(remaining(1, 1200, 1000), 0);
});

test('the layer comes from the file, the drawing or the height, in this order', () => {
  const metadata = { layer_height: 0.2, first_layer_height: 0.3, object_height: 20.3 };
  assert.equal(layer({ info: { current_layer: 3, total_layer: 9 } }, metadata, 5, null), '3 / 9');
  assert.equal(layer({ info: { current_layer: null } }, metadata, 5, { number: 4, total: 8 }), '4 / 8');
  assert.equal(layer({}, metadata, 0.5, null), '2 / 101');
  assert.equal(layer({}, metadata, 90, null), '101 / 101');
  assert.equal(layer({}, {}, 5, null), '–');
});

test('console lines are told apart', () => {
  assert.equal(kind_of('!! Must home axis first'), 'error');
  assert.equal(kind_of('// Klipper state: Ready'), 'note');
  for (const report of ['B:24.0 /0.0 T0:25.0 /0.0', 'ok T0:215.1 /215.0 B:60.0 /60.0', 'T:20.1 /0.0 @:0'])
    assert.equal(kind_of(report), 'temperatures', report);
  assert.equal(kind_of('ok'), 'answer');
  assert.equal(kind_of('B: is a letter'), 'answer');
});

test('the arrow keys walk through the commands', () => {
  const history = new CommandHistory(['G28'], 2);
  history.add('M105');
  history.add('G28');
  assert.deepEqual([-1, -1, -1, 1, 1, 1].map((step) => history.walk(step)), ['G28', 'M105', 'M105', 'G28', '', '']);
  history.add('M84');
  assert.deepEqual(history.commands, ['G28', 'M84']);
});

/** @param {string} text @param {number} size of the pieces in which it arrives */
function draw(text, size = text.length) {
  const toolpath = new Toolpath();
  for (let at = 0; at < text.length; at += size) toolpath.push(text.slice(at, at + size));
  toolpath.finish();
  return toolpath;
}

const points = ({ x, y, drawn }) => [...x].map((value, index) => [value, y[index], drawn[index]]);

test('only extruded moves are drawn, each with the byte after its line', () => {
  const lines = ['G90', 'M83', ';LAYER_CHANGE', 'G1 Z.2', 'G1 X10 Y10 F9000', 'G1 X20 E1 ; wall', 'G1 E-2', 'G1 X30 Y5', 'g1 y15 e.5'];
  const { layers, bounds } = draw(lines.join('\n'));
  assert.equal(layers.length, 1);
  assert.deepEqual(points(layers[0]), [[10, 10, 0], [20, 10, 1], [30, 5, 0], [30, 15, 1]]);
  const end = (count) => lines.slice(0, count).join('\n').length + 1;
  assert.deepEqual([...layers[0].byte], [end(6), end(6), end(9), end(9)]);
  assert.deepEqual(bounds, { left: 10, right: 30, near: 5, far: 15 });
});

test('absolute and relative coordinates, inches, and G92', () => {
  const path = draw('M82\nG1 X1 E1\nG1 X2 E1\nG92 E0\nG1 X3 E1\nG91\nG1 X1 E1\nG90\nG20\nM83\nG1 X1 E1\n');
  assert.deepEqual(points(path.layers[0]).map(([x, , drawn]) => [Math.round(x * 10) / 10, drawn]), [[0, 0], [1, 1], [2, 0], [3, 1], [4, 1], [25.4, 1]]);
});

test('an arc is drawn round, on its own side', () => {
  const [clockwise, counter] = ['G2', 'G3'].map((code) => draw(`M83\nG1 X10 Y0\n${code} X-10 Y0 I-10 J0 E5\n`).layers[0]);
  const middle = ({ y }) => y[Math.floor(y.length / 2)];
  assert.ok(middle(clockwise) < -9 && middle(counter) > 9);
  for (const [x, y] of points(counter)) assert.ok(Math.abs(Math.hypot(x, y) - 10) < 1e-5);
  assert.deepEqual(points(counter).at(-1), [-10, 0, 1]);
});

test('layers without marks follow the height, and hops open none', () => {
  const path = draw('M83\nG1 Z.2\nG1 X1 E1\nG1 Z.6\nG1 X5\nG1 Z.2\nG1 X6 E1\nG1 Z.4\nG1 X7 E1\n');
  assert.deepEqual(path.layers.map(({ z, number }) => [z, number]), [[0.2, 1], [0.4, 2]]);
});

test('a file in small pieces gives the same drawing as in one', () => {
  const text = 'M83\r\n' + Array.from({ length: 40 }, (_, index) => `;LAYER:${index}\r\nG1 X${index} Y${index % 3} Z${index} E1\r\n`).join('');
  assert.deepEqual(draw(text, 7).layers, draw(text).layers);
});

test('a layer is found by the byte that the printer reads', () => {
  const path = draw('M83\n;LAYER:0\nG1 X1 E1\n;LAYER:1\nG1 X2 E1\n;LAYER:2\nG1 X3 E1\n');
  const [, second, third] = path.layers.map(({ start }) => start);
  assert.deepEqual([0, second - 1, second, third - 1, third, Infinity].map((byte) => path.layer_at(byte)), [0, 0, 1, 1, 2, 2]);
});

test('the waits between attempts grow and end at 15 s', () => {
  assert.deepEqual([0, 1, 2, 5, 1000].map(retry_delay), [500, 1000, 2000, 15000, 15000]);
});

/** A websocket that does nothing by itself. */
class FakeSocket {
  readyState = 0;
  sent = [];
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  accept() {
    this.readyState = 1;
    this.onopen();
  }
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

/** @returns a connection to sockets that the test controls */
function connect() {
  const [sockets, events] = [[], []];
  const listener = {
    opened: () => events.push('opened'),
    lost: () => events.push('lost'),
    notified: (method, params) => events.push([method, params]),
  };
  const open = () => {
    sockets.push(new FakeSocket());
    return sockets.at(-1);
  };
  const connection = new Connection('ws://printer/websocket', listener, open);
  connection.open();
  return { connection, sockets, events };
}

test('answers find their requests, in any order and in batches', async (context) => {
  const time = fakeTime(context);
  const { connection, sockets, events } = connect();
  await assert.rejects(connection.request('server.info'), { code: 0 });
  sockets[0].accept();
  const [one, two, three] = ['a', 'b', 'c'].map((method) => connection.request(method, { value: 1 }));
  const ids = sockets[0].sent.map(({ id }) => id);
  assert.deepEqual(sockets[0].sent[0], { jsonrpc: '2.0', method: 'a', params: { value: 1 }, id: ids[0] });
  sockets[0].say([{ jsonrpc: '2.0', id: ids[1], result: 'second' }, { jsonrpc: '2.0', id: ids[0], result: null }]);
  sockets[0].say({ jsonrpc: '2.0', id: ids[2], error: { code: 400, message: 'No' } });
  sockets[0].say({ jsonrpc: '2.0', method: 'notify_klippy_ready' });
  assert.deepEqual([await one, await two], [null, 'second']);
  await assert.rejects(three, { message: 'No', code: 400 });
  assert.deepEqual(events, ['opened', ['notify_klippy_ready', []]]);
});

test('a lost socket fails what waits, and is opened again later and later', async (context) => {
  const time = fakeTime(context);
  const { connection, sockets, events } = connect();
  sockets[0].accept();
  const waiting = connection.request('printer.gcode.script', {}, 0);
  sockets[0].onclose();
  await assert.rejects(waiting, { message: 'The connection was lost' });
  time.tick(499);
  assert.equal(sockets.length, 1);
  time.tick(1);
  assert.equal(sockets.length, 2);
  sockets[1].onclose();
  time.tick(999);
  assert.equal(sockets.length, 2);
  time.tick(1);
  sockets[2].accept();
  assert.deepEqual(events, ['opened', 'lost', 'lost', 'opened']);
});

test('a silent socket is asked, and given up when it stays silent', (context) => {
  const time = fakeTime(context);
  const { sockets, events } = connect();
  sockets[0].accept();
  for (let second = 0; second < 15; second++) time.tick(1000);
  assert.deepEqual(sockets[0].sent.map(({ method }) => method), ['server.info']);
  for (let second = 0; second < 10; second++) time.tick(1000);
  assert.deepEqual(events, ['opened', 'lost']);
});

test('a silent socket that answers is kept', (context) => {
  const time = fakeTime(context);
  const { sockets, events } = connect();
  sockets[0].accept();
  for (let second = 0; second < 120; second++) {
    time.tick(1000);
    const request = sockets[0].sent.pop();
    if (request) sockets[0].say({ jsonrpc: '2.0', id: request.id, result: {} });
  }
  assert.deepEqual(events, ['opened']);
});
