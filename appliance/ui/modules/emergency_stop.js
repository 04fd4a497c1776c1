/** The button that stops everything at once, but not when it is merely brushed: it wants to be pressed twice. */

import { get, show } from './dom.js';
import { here } from './place.js';
import { attempt } from './speak.js';

const ARMED = 4000; // ms in which a second press counts
const BRUSH = 150; // ms in which a second press is still the same touch

/** @param {import('./session.js').Session} session */
export function offer_emergency_stop(session) {
  const button = get('stop');
  let armed_at = -Infinity;
  let disarming;
  const arm = (time) => {
    armed_at = time;
    button.classList.toggle('armed', time > 0);
    show('stop-label', time > 0 ? 'Press again to stop' : 'Emergency stop');
  };
  button.onclick = ({ timeStamp: now }) => {
    if (now - armed_at < BRUSH) return;
    clearTimeout(disarming);
    const again = now - armed_at < ARMED;
    arm(again ? -Infinity : now);
    if (again) attempt(stop(session));
    else disarming = setTimeout(() => arm(-Infinity), ARMED);
  };
}

/** By the websocket, or past it when nobody answers there. @param {import('./session.js').Session} session */
async function stop(session) {
  const told = await session.request('printer.emergency_stop', {}, 1500).catch(() => null);
  const answer = told || (await fetch(`${here}/printer/emergency_stop`, { method: 'POST' }));
  if (answer.ok === false) throw new Error(`The emergency stop failed: the broker answers ${answer.status}`);
}
