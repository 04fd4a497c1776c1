/** The print: its picture, how far it is, how long it takes, and pause, resume, cancel. */

import { get, make, set, set_text } from './dom.js';
import { layer, progress, remaining } from './estimate.js';
import { duration, fixed, length } from './format.js';
import { Picture } from './picture.js';
import { ask, attempt } from './speak.js';
import { has_job, is_ready } from './store.js';

const STATES = /** @type {Record<string, string>} */ ({
  printing: 'Printing', paused: 'Paused', complete: 'Finished', cancelled: 'Cancelled', error: 'Stopped by an error',
});

/** @param {import('./session.js').Session} session @param {import('./files_view.js').Library} library */
export function show_job(session, library) {
  const picture = new Picture();
  /** @type {import('./estimate.js').Metadata} */
  let metadata = {};
  let filename = '';
  const change_file = async (/** @type {string} */ name) => {
    filename = name;
    metadata = {};
    const found = name ? await library.metadata(name) : {};
    if (filename !== name) return;
    metadata = found;
    picture.show_file(name, metadata);
    render(session.store.state);
  };
  const render = (/** @type {import('./store.js').State} */ state) => {
    const { print_stats: stats = {}, virtual_sdcard: card = {} } = state.status;
    const name = stats.filename ?? '';
    if (name !== filename && (name || state.host.state === 'ready')) change_file(name);
    set(get('idle'), { hidden: !!name });
    set(get('job'), { hidden: !name });
    document.title = state.host.name || 'Printer';
    if (!name) return;
    const done = stats.state === 'complete' ? 1 : progress(card, metadata);
    show_progress(stats, done);
    const left = has_job(state) ? remaining(done, stats.print_duration ?? 0, metadata.estimated_time) : null;
    picture.show_byte(stats.state === 'complete' ? Infinity : card.file_position ?? 0);
    set_text(get('elapsed'), duration(stats.print_duration));
    set_text(get('remaining'), duration(left));
    set_text(get('ends'), left == null ? '–' : new Date(Date.now() + left * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    set_text(get('layer'), layer(stats, metadata, state.status.gcode_move?.gcode_position?.[2], picture.layer));
    set_text(get('filament'), length(stats.filament_used ?? 0) + (metadata.filament_total ? ` of ${length(metadata.filament_total)}` : ''));
    set_text(get('job-message'), stats.message || state.status.display_status?.message || '');
    show_buttons(state, stats.state);
    if (has_job(state)) document.title = `${fixed(done * 100, 0)} % · ${name}`;
  };
  session.store.watch(render);

  get('pause').onclick = () => attempt(session.request('printer.print.pause', {}, 0));
  get('resume').onclick = () => attempt(session.request('printer.print.resume', {}, 0));
  get('again').onclick = async () => {
    if (await ask('Print this file again?', 'Start printing', 'Not now', make('p', {}, filename)))
      await attempt(session.request('printer.print.start', { filename }, 0));
  };
  get('cancel').onclick = async () => {
    const question = make('p', {}, `${filename} is given up; it can't be continued afterwards.`);
    if (await ask('Cancel this print?', 'Cancel the print', 'Keep printing', question))
      await attempt(session.request('printer.print.cancel', {}, 0));
  };
}

/** @param {Record<string, any>} stats @param {number} done */
function show_progress(stats, done) {
  set_text(get('job-name'), stats.filename);
  set_text(get('job-state'), STATES[stats.state] ?? 'Loaded');
  set(get('progress'), { value: done });
  set_text(get('percent'), `${fixed(Math.floor(done * 1000) / 10, 1)} %`);
}

/** @param {import('./store.js').State} state @param {string} job */
function show_buttons(state, job) {
  const ready = is_ready(state);
  set(get('pause'), { hidden: job !== 'printing', disabled: !ready });
  set(get('resume'), { hidden: job !== 'paused', disabled: !ready });
  set(get('cancel'), { hidden: !has_job(state), disabled: !ready });
  set(get('again'), { hidden: has_job(state), disabled: !ready });
}
