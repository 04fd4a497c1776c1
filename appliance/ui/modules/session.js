/** Keeps the store true: connect, identify, learn the host's state, subscribe, follow. */

import { Connection, RpcError } from './connection.js';
import { with_changes } from './place.js';
import { TemperatureHistory } from './series.js';

const POLL = 2000; // ms between looks at a host that is absent or starting
const OBJECTS = {
  webhooks: null,
  toolhead: ['homed_axes', 'position'],
  gcode_move: ['gcode_position', 'speed', 'speed_factor', 'extrude_factor'],
  motion_report: ['live_position', 'live_velocity', 'live_extruder_velocity'],
  print_stats: null,
  virtual_sdcard: ['progress', 'file_position'],
  display_status: ['message'],
  fan: ['speed'],
  heaters: null,
};

/** One browser's dealings with one printer. */
export class Session {
  /** @param {import('./store.js').Store} store @param {string} address of the websocket */
  constructor(store, address) {
    this.store = store;
    this.history = new TemperatureHistory();
    this.turn = 0; // of the newest synchronisation; an older one gives up
    this.listeners = { notify_status_update: [(update) => store.merge(update)] };
    for (const event of ['ready', 'shutdown', 'disconnected']) this.on(`notify_klippy_${event}`, () => this.synchronise());
    this.on('notify_printers_changed', ({ printers }) => store.change({ printers: with_changes(store.state.printers, printers) }));
    this.connection = new Connection(address, {
      opened: () => this.opened(),
      lost: (retry_at) => store.change({ link: 'waiting', retry_at }),
      notified: (method, params) => this.tell(method, params),
    });
  }

  /** @param {string} event a notification, or `synchronised` @param {(...params: any[]) => void} listener */
  on(event, listener) {
    (this.listeners[event] ??= []).push(listener);
  }

  tell(event, params = []) {
    for (const listener of this.listeners[event] ?? []) listener(...params);
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
    this.store.change({ link: 'open' });
    const page = { client_name: 'appliance', version: '0.1.0', type: 'web', url: location.origin };
    try {
      await this.request('server.connection.identify', page);
    } catch ({ message }) {
      if (this.connection.is_open) this.store.change_host({ state: 'refused', message });
      return;
    }
    this.learn_printers().catch((error) => this.excuse(error));
    await this.synchronise();
  }

  async learn_printers() {
    this.store.change(await this.request('server.printers.list'));
  }

  /** Look at the host until it is in a state that lasts, then take over all that it tells. */
  async synchronise() {
    const turn = ++this.turn;
    for (;;) {
      const lasting = await this.look().catch((error) => this.excuse(error));
      if (turn !== this.turn || !this.connection.is_open) return;
      if (lasting) return this.tell('synchronised');
      await new Promise((done) => setTimeout(done, POLL));
    }
  }

  excuse(error) {
    if (!(error instanceof RpcError)) throw error; // our own mistake
  }

  /** @returns {Promise<boolean>} whether the host's state lasts and was taken over */
  async look() {
    const { klippy_connected: present, klippy_state: state } = await this.request('server.info');
    if (!present || state === 'disconnected') {
      this.store.change_host({ state: 'disconnected', message: 'The motion host is not running.' });
      return false;
    }
    const info = await this.request('printer.info');
    this.store.change_host({ state: info.state, message: info.state_message, name: info.hostname });
    if (info.state === 'startup') return false;
    const following = this.follow();
    await (info.state === 'ready' ? following : following.catch(this.excuse)); // a broken host has little to tell
    return true;
  }

  async follow() {
    const { status: found } = await this.request('printer.objects.query', { objects: { heaters: null } });
    const objects = { ...OBJECTS };
    for (const name of found.heaters?.available_sensors ?? []) objects[name] = ['temperature', 'target', 'power'];
    const { status } = await this.request('printer.objects.subscribe', { objects });
    // Merged, so that a state that has changed since printer.info is seen.
    this.store.change({ status: {} });
    this.store.merge(status);
    await this.load_temperatures().catch(this.excuse); // the chart fills up all the same
  }

  async load_temperatures() {
    this.history.load(await this.request('server.temperature_store', { include_monitors: false }));
  }
}
