/** The print: its picture, how far it is, how long it takes, and pause, resume, cancel. */

import { get, make, set, show } from './dom.js';
import { layer, progress, remaining } from './estimate.js';
import { duration, fixed, length } from './format.js';
import { Picture } from './picture.js';
import { ask, attempt } from './speak.js';
import { has_job, is_ready } from './store.js';

const STATES = { printing: 'Printing', paused: 'Paused', complete: 'Finished', cancelled: 'Cancelled', error: 'Stopped by an error' };

/** @param {import('./session.js').Session} session @param {import('./library.js').Library} library */
export function show_job(session, library) {
  const refresh = () => session.store.change({});
  const picture = new Picture(refresh);
  let metadata = {};
  let filename = '';
  const change_file = async (name) => {
    filename = name;
    metadata = {};
    const found = await library.metadata(name);
    if (filename !== name) return;
    metadata = found;
    picture.show_file(name, metadata);
    refresh();
  };
  session.store.watch((state) => {
    const { filename: name = '' } = state.status.print_stats ?? {};
    set('idle', { hidden: !!name });
    set('job', { hidden: !name });
    if (name && name !== filename) change_file(name);
    document.title = state.host.name || 'Printer';
    if (name) render(state, metadata, picture);
  });

  const ask_printer = (method) => attempt(session.request(`printer.print.${method}`, {}, 0));
  get('pause').onclick = () => ask_printer('pause');
  get('resume').onclick = () => ask_printer('resume');
  get('cancel').onclick = async () => {
    const loss = make('p', {}, `${filename} can't be continued afterwards.`);
    if (await ask('Cancel this print?', 'Cancel the print', 'Keep printing', [loss], true)) ask_printer('cancel');
  };
}

function render(state, metadata, picture) {
  const { print_stats: stats, virtual_sdcard: card = {}, gcode_move, display_status } = state.status;
  const complete = stats.state === 'complete';
  const done = complete ? 1 : progress(card, metadata);
  const left = has_job(state) ? remaining(done, stats.print_duration, metadata.estimated_time) : null;
  const total = metadata.filament_total ? ` of ${length(metadata.filament_total)}` : '';
  show('job-name', stats.filename);
  show('job-state', STATES[stats.state] ?? 'Loaded');
  show('percent', `${fixed(Math.floor(done * 1000) / 10, 1)} %`);
  set('progress', { value: done });
  show('elapsed', duration(stats.print_duration));
  show('remaining', duration(left));
  show('layer', layer(stats, metadata, gcode_move?.gcode_position?.[2], picture.layer));
  show('filament', length(stats.filament_used ?? 0) + total);
  show('job-message', stats.message || display_status?.message || '');
  picture.show_byte(complete ? Infinity : card.file_position ?? 0);
  for (const [button, during] of [['pause', 'printing'], ['resume', 'paused']])
    set(button, { hidden: stats.state !== during, disabled: !is_ready(state) });
  set('cancel', { hidden: !has_job(state), disabled: !is_ready(state) });
  if (has_job(state)) document.title = `${fixed(done * 100)} % · ${stats.filename}`;
}
