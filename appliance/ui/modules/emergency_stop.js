/** The button that stops everything at once, but not when it is merely brushed: hold it, or press it twice. */

import { get, set_text } from './dom.js';
import { attempt } from './speak.js';

const HOLD = 700; // ms
const ARMED = 4000; // ms in which a second press counts
const BRUSH = 200; // ms after the first press in which a second one is still the same touch

/** @param {import('./session.js').Session} session */
export function offer_emergency_stop(session) {
  const button = get('stop');
  let armed_at = -Infinity;
  /** @type {any} */
  let holding = null;
  /** @type {any} */
  let disarming = null;

  const disarm = () => {
    armed_at = -Infinity;
    button.classList.remove('armed', 'held');
    set_text(get('stop-label'), 'Emergency stop');
  };
  const fire = () => {
    release();
    disarm();
    attempt(stop(session));
  };
  const press = () => {
    if (holding) return;
    button.classList.add('held');
    holding = setTimeout(fire, HOLD);
  };
  const release = () => {
    clearTimeout(holding);
    holding = null;
    button.classList.remove('held');
  };
  button.onpointerdown = press;
  button.onpointerup = button.onpointerleave = button.onpointercancel = button.onblur = release;
  button.onkeydown = (/** @type {KeyboardEvent} */ event) => [' ', 'Enter'].includes(event.key) && press();
  button.onkeyup = release;
  button.oncontextmenu = (/** @type {Event} */ event) => event.preventDefault(); // a long touch would open it
  button.onclick = () => {
    const since = performance.now() - armed_at;
    if (since < BRUSH) return;
    if (since < ARMED) return fire();
    armed_at = performance.now();
    button.classList.add('armed');
    set_text(get('stop-label'), 'Press again to stop');
    clearTimeout(disarming);
    disarming = setTimeout(disarm, ARMED);
  };
}

/** By the websocket, or past it when that is gone. @param {import('./session.js').Session} session */
async function stop(session) {
  if (session.connection.is_open) return session.request('printer.emergency_stop');
  const answer = await fetch('/printer/emergency_stop', { method: 'POST' });
  if (!answer.ok) throw new Error(`The emergency stop failed: the broker answers ${answer.status}`);
}
