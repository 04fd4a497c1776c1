/** The head of the page: which printer, whether we hear it, its state and, when that is bad, why and what to do. */

import { get, set, show } from './dom.js';
import { this_one } from './place.js';
import { attempt } from './speak.js';
import { has_job, is_ready } from './store.js';

export const NAMES = {
  unknown: 'Connecting', ready: 'Ready', startup: 'Starting', error: 'Error', shutdown: 'Shut down',
  disconnected: 'No motion host', refused: 'Access refused', failed: 'Not served', printing: 'Printing', paused: 'Paused', offline: 'Offline',
};

/** @param {import('./session.js').Session} session */
export function show_status(session) {
  get('restart').onclick = () => attempt(session.request('printer.restart'));
  get('firmware-restart').onclick = () => attempt(session.request('printer.firmware_restart'));
  get('reconnect').onclick = () => session.connection.open();
  session.store.watch(render);
  setInterval(() => render(session.store.state), 1000); // counts down to the next attempt
}

/** @param {import('./store.js').State} state */
function render(state) {
  const { link, host, status, retry_at } = state;
  const job = is_ready(state) && has_job(state) && status.print_stats.state;
  const name = link === 'waiting' ? 'offline' : link === 'connecting' ? 'unknown' : job || host.state;
  show('printer-name', this_one(state.printers)?.name || host.name || 'Printer');
  show('state', NAMES[name] ?? name);
  document.body.dataset.state = name;

  const left = Math.ceil((retry_at - Date.now()) / 1000);
  set('offline', { hidden: link !== 'waiting' });
  show('offline-text', `The connection to the printer is lost. Trying again ${left > 0 ? `in ${left} s` : 'now'}.`);

  const restartable = ['error', 'shutdown'].includes(name);
  set('trouble', { hidden: !restartable && !['startup', 'disconnected', 'refused'].includes(name) });
  set('restarts', { hidden: !restartable });
  show('trouble-title', NAMES[name] ?? name);
  show('trouble-message', host.message.trim());
}
