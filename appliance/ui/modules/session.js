/** Keeps the store true: connect, identify, learn the host's state, subscribe, follow. */

import { Connection, RpcError } from './connection.js';
import { Store } from './store.js';
import { TemperatureHistory } from './series.js';

const POLL = 2000; // ms between looks at a host that is absent or starting
const OBJECTS = {
  webhooks: null,
  toolhead: ['homed_axes', 'axis_minimum', 'axis_maximum', 'position', 'max_velocity', 'max_accel'],
  gcode_move: ['gcode_position', 'speed', 'speed_factor', 'extrude_factor'],
  motion_report: ['live_position', 'live_velocity', 'live_extruder_velocity'],
  print_stats: null,
  virtual_sdcard: ['progress', 'file_position', 'file_size', 'is_active'],
  display_status: ['message'],
  fan: ['speed'],
  heaters: null,
};

/** One browser's dealings with one printer. */
export class Session {
  /** @param {Store} store @param {string} address of the websocket */
  constructor(store, address) {
    this.store = store;
    this.history = new TemperatureHistory();
    this.turn = 0; // of the newest synchronisation; an older one gives up
    /** @type {Record<string, ((...params: any[]) => void)[]>} */
    this.listeners = {};
    this.connection = new Connection(address, {
      opened: () => this.opened(),
      lost: (retry_at) => {
        this.turn++;
        store.change({ link: { phase: 'waiting', retry_at } });
      },
      notified: (method, params) => this.notified(method, params),
    });
    this.on('notify_status_update', (update) => store.merge(update));
    this.on('notify_klippy_ready', () => this.synchronise());
    this.on('notify_klippy_shutdown', () => this.synchronise());
    this.on('notify_klippy_disconnected', () => this.synchronise());
  }

  /** @param {string} method a notification's name, or `synchronised` @param {(...params: any[]) => void} listener */
  on(method, listener) {
    (this.listeners[method] ??= []).push(listener);
  }

  /** @param {string} method @param {any[]} params */
  notified(method, params) {
    for (const listener of this.listeners[method] ?? []) listener(...params);
  }

  /** @param {string} method @param {object} [params] @param {number} [limit] ms @returns {Promise<any>} */
  request(method, params, limit) {
    return this.connection.request(method, params, limit);
  }

  /** Run G-code, however long it takes. @param {string} script */
  run(script) {
    return this.request('printer.gcode.script', { script }, 0);
  }

  async opened() {
    this.store.change({ link: { phase: 'open', retry_at: 0 } });
    try {
      await this.request('server.connection.identify', { client_name: 'appliance', version: '0.1.0', type: 'web', url: location.origin });
    } catch (error) {
      this.store.change_host({ state: 'refused', message: String(error) });
      return;
    }
    await this.synchronise();
  }

  /** Look at the host until it is in a state that lasts, then take over all that it tells. */
  async synchronise() {
    const turn = ++this.turn;
    while (turn === this.turn && this.connection.is_open) {
      try {
        const state = await this.look();
        if (turn !== this.turn) return;
        if (!['startup', 'disconnected'].includes(state)) await this.follow();
        if (turn !== this.turn) return;
        if (!['startup', 'disconnected'].includes(state)) return this.notified('synchronised', []);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
      }
      await new Promise((done) => setTimeout(done, POLL));
    }
  }

  /** @returns {Promise<string>} the host's state */
  async look() {
    const { klippy_connected: present, klippy_state: state } = await this.request('server.info');
    if (!present || state === 'disconnected') {
      this.store.change_host({ state: 'disconnected', message: 'The motion host is not running.' });
      return 'disconnected';
    }
    const info = await this.request('printer.info');
    this.store.change_host({ state: info.state, message: info.state_message, name: info.hostname, version: info.software_version });
    return info.state;
  }

  /** Subscribe and fetch what happened before. A host in the error state has little to tell, which is no failure. */
  async follow() {
    const { status: first } = await this.request('printer.objects.query', { objects: { heaters: null } });
    const sensors = first.heaters?.available_sensors ?? [];
    const objects = { ...OBJECTS, ...Object.fromEntries(sensors.map((/** @type {string} */ name) => [name, ['temperature', 'target', 'power']])) };
    const { status } = await this.request('printer.objects.subscribe', { objects });
    this.store.change({ status: {} });
    this.store.merge(status);
    await this.load_temperatures();
  }

  async load_temperatures() {
    this.history.load(await this.request('server.temperature_store', { include_monitors: false }));
  }

  /** Once a second. */
  sample_temperatures() {
    const { status } = this.store.state;
    if (this.connection.is_open) this.history.sample(status.heaters?.available_sensors ?? [], status);
  }
}
