/** Where the head is and how fast it goes; homing and small moves by hand. */

import { get, set, set_text } from './dom.js';
import { fixed } from './format.js';
import { attempt } from './speak.js';
import { has_job, is_ready } from './store.js';

const SPEEDS = /** @type {Record<string, number>} */ ({ X: 6000, Y: 6000, Z: 600 }); // mm/min of moves by hand
const STATE = 'NAME=page_move';

/** @param {import('./session.js').Session} session */
export function show_motion(session) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll('[data-home], [data-jog], [data-gcode]')]);
  for (const button of buttons) {
    const { home, jog, gcode } = button.dataset;
    button.onclick = () => (jog ? move(session, jog) : attempt(session.run(gcode ?? `G28 ${home}`.trim())));
  }
  session.store.watch((state) => {
    const { toolhead = {}, motion_report: live = {}, gcode_move = {}, fan } = state.status;
    const place = live.live_position ?? toolhead.position ?? [];
    const homed = toolhead.homed_axes ?? '';
    for (const [index, axis] of ['x', 'y', 'z'].entries()) {
      set_text(get(`at-${axis}`), fixed(place[index], 2));
      get(`at-${axis}`).parentNode.classList.toggle('unhomed', !homed.includes(axis));
    }
    set_text(get('speed'), `${fixed(live.live_velocity ?? gcode_move.speed, 0)} mm/s`);
    set_text(get('flow'), `${fixed(live.live_extruder_velocity, 1)} mm/s`);
    set_text(get('factors'), `${fixed(gcode_move.speed_factor * 100, 0)} / ${fixed(gcode_move.extrude_factor * 100, 0)} %`);
    set_text(get('fan'), fan ? `${fixed(fan.speed * 100, 0)} %` : '–');
    const free = is_ready(state) && state.status.print_stats?.state !== 'printing';
    for (const button of buttons) {
      const axis = button.dataset.jog?.[0].toLowerCase();
      const parked = has_job(state) && !axis; // homing and releasing the motors would lose a paused print
      set(button, { disabled: !free || parked || (axis !== undefined && !homed.includes(axis)) });
    }
  });
}

/** @param {import('./session.js').Session} session @param {string} direction "X-", "Z+" */
async function move(session, direction) {
  const [axis, sign] = direction;
  const distance = /** @type {HTMLInputElement} */ (document.querySelector('[name=distance]:checked')).value;
  const step = `G91\nG1 ${axis}${sign}${distance} F${SPEEDS[axis]}`;
  const went = await attempt(session.run(`SAVE_GCODE_STATE ${STATE}\n${step}\nRESTORE_GCODE_STATE ${STATE}`));
  // A refused move ends the script before its last line: don't leave relative coordinates behind.
  if (!went && session.connection.is_open) session.run(`RESTORE_GCODE_STATE ${STATE}`).catch(() => {});
}
