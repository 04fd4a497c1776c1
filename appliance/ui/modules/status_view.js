/** The head of the page: which printer, whether we hear it, its state and, when that is bad, why and what to do. */

import { get, set, set_text } from './dom.js';
import { attempt } from './speak.js';

const STATES = /** @type {Record<string, string>} */ ({
  unknown: 'Connecting', ready: 'Ready', startup: 'Starting', error: 'Error', shutdown: 'Shut down',
  disconnected: 'No motion host', refused: 'Access refused',
});
const JOBS = /** @type {Record<string, string>} */ ({ printing: 'Printing', paused: 'Paused' });

/** @param {import('./session.js').Session} session */
export function show_status(session) {
  get('restart').onclick = () => attempt(session.request('printer.restart'));
  get('firmware-restart').onclick = () => attempt(session.request('printer.firmware_restart'));
  get('reconnect').onclick = () => session.connection.open();
  session.store.watch(render);
  setInterval(() => session.store.state.link.phase === 'waiting' && render(session.store.state), 1000);
}

/** @param {import('./store.js').State} state */
function render({ link, host, status }) {
  const here = link.phase === 'open';
  const job = host.state === 'ready' ? JOBS[status.print_stats?.state] : undefined;
  const name = host.name || 'Printer';
  set_text(get('printer-name'), name);
  set_text(get('state'), here ? job ?? STATES[host.state] ?? host.state : link.phase === 'waiting' ? 'Offline' : 'Connecting');
  get('state').dataset.state = here ? job?.toLowerCase() ?? host.state : 'offline';
  set(document.body.dataset, { link: link.phase });

  const left = Math.max(0, Math.ceil((link.retry_at - Date.now()) / 1000));
  const lost = `The connection to the printer is lost. ${left ? `Trying again in ${left} s.` : 'Trying again…'}`;
  set(get('offline'), { hidden: link.phase !== 'waiting' });
  set_text(get('offline-text'), lost);

  const trouble = here && !['ready', 'unknown'].includes(host.state);
  set(get('trouble'), { hidden: !trouble });
  get('trouble').dataset.state = host.state;
  if (!trouble) return;
  set_text(get('trouble-title'), STATES[host.state] ?? host.state);
  set_text(get('trouble-message'), host.message.trim());
  const restartable = ['error', 'shutdown'].includes(host.state);
  set(get('restart'), { hidden: !restartable });
  set(get('firmware-restart'), { hidden: !restartable });
}
