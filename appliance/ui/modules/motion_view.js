/** Where the head is and how fast it goes; homing and small moves by hand. */

import { get, set, show } from './dom.js';
import { fixed } from './format.js';
import { attempt } from './speak.js';
import { has_job, is_ready } from './store.js';

const SPEEDS = { X: 6000, Y: 6000, Z: 600 }; // mm/min of moves by hand

/** @param {import('./session.js').Session} session */
export function show_motion(session) {
  const jogs = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll('[data-jog]')]);
  const others = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll('[data-gcode]')]);
  for (const button of jogs) button.onclick = () => move(session, button.dataset.jog);
  for (const button of others) button.onclick = () => attempt(session.run(button.dataset.gcode ?? ''));
  session.store.watch((state) => {
    const { toolhead = {}, motion_report: live = {}, gcode_move = {}, fan } = state.status;
    const is_homed = (axis) => (toolhead.homed_axes ?? '').includes(axis.toLowerCase());
    for (const [index, axis] of ['x', 'y', 'z'].entries()) {
      show(`at-${axis}`, fixed((live.live_position ?? toolhead.position)?.[index], 2));
      get(`at-${axis}`).classList.toggle('unhomed', !is_homed(axis));
    }
    show('speed', `${fixed(live.live_velocity ?? gcode_move.speed / 60)} mm/s`);
    show('flow', `${fixed(live.live_extruder_velocity, 1)} mm/s`);
    show('speed-factor', `${fixed(gcode_move.speed_factor * 100)} %`);
    show('flow-factor', `${fixed(gcode_move.extrude_factor * 100)} %`);
    show('fan', `${fixed(fan?.speed * 100)} %`);
    const free = is_ready(state) && state.status.print_stats?.state !== 'printing';
    for (const button of jogs) set(button, { disabled: !free || !is_homed(button.dataset.jog?.[0]) });
    // Homing, or releasing the motors, would spoil a paused print.
    for (const button of others) set(button, { disabled: !free || has_job(state) });
  });
}

/** @param {import('./session.js').Session} session @param {string} [direction] "X", "Z-" */
async function move(session, direction = '') {
  const distance = document.querySelector('[name=distance]:checked')?.getAttribute('value');
  const restore = 'RESTORE_GCODE_STATE NAME=page_move';
  const script = `SAVE_GCODE_STATE NAME=page_move\nG91\nG1 ${direction}${distance} F${SPEEDS[direction[0]]}\n${restore}`;
  // A refused move ends the script before its last line: don't leave relative coordinates behind.
  if (!(await attempt(session.run(script)))) session.run(restore).catch(() => {});
}
