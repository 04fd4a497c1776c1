/** The G-code files: newest first, with what their slicer said of them; upload and start. */

import { get, icon, make, set } from './dom.js';
import { bytes, duration, file_address, length } from './format.js';
import { ask, attempt } from './speak.js';
import { has_job, is_ready } from './store.js';
import { upload } from './upload.js';

const SHOWN = 60; // rows; older files appear on demand

/** @typedef {{path: string, modified: number, size: number}} FileInfo */

/** The files' metadata, asked for once. */
export class Library {
  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Map<string, Promise<import('./estimate.js').Metadata>>} */
    this.known = new Map();
  }

  /** @param {string} filename @param {number} [modified] @returns {Promise<import('./estimate.js').Metadata>} empty when nothing is known */
  metadata(filename, modified) {
    const key = `${filename}\n${modified ?? ''}`;
    let answer = this.known.get(key);
    if (answer) return answer;
    answer = this.session.request('server.files.metadata', { filename }).catch(() => (this.known.delete(key), {}));
    if (this.known.size > 500) this.known.clear();
    this.known.set(key, answer);
    return answer;
  }
}

/** @param {string} path @param {import('./estimate.js').Metadata} metadata @param {number} width wanted @returns {string|null} */
export function thumbnail(path, { thumbnails = [] }, width) {
  const by_width = [...thumbnails].sort((a, b) => a.width - b.width);
  const best = by_width.find((one) => one.width >= width) ?? by_width.at(-1);
  return best ? file_address(path.replace(/[^/]*$/, '') + best.relative_path) : null;
}

/** @param {import('./session.js').Session} session @param {Library} library */
export function show_files(session, library) {
  /** @type {FileInfo[]} */
  let files = [];
  let limit = SHOWN;
  const list = get('files');
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries)
      if (isIntersecting) {
        seen.unobserve(target);
        /** @type {any} */ (target).fill();
      }
  });
  const show = () => {
    list.replaceChildren(...files.slice(0, limit).map((file) => row_of(session, library, file)));
    for (const row of list.children) seen.observe(row);
    set(get('no-files'), { hidden: files.length > 0 });
    set(get('more-files'), { hidden: files.length <= limit, textContent: `Show all ${files.length} files` });
    allow(session.store.state);
  };
  const load = async () => {
    const answer = await session.request('server.files.list', { root: 'gcodes' }).catch(() => null);
    if (!answer) return;
    files = answer.sort((/** @type {FileInfo} */ a, /** @type {FileInfo} */ b) => b.modified - a.modified);
    show();
  };
  const send = async (/** @type {Iterable<File>} */ chosen) => upload([...chosen], load);

  get('more-files').onclick = () => ((limit = Infinity), show());
  get('upload').onclick = () => get('file-input').click();
  get('file-input').onchange = () => send(get('file-input').files).then(() => (get('file-input').value = ''));
  accept_drops(send);
  session.on('synchronised', load);
  session.on('notify_filelist_changed', load);
  session.store.watch(allow);
}

/** Printing is offered while nothing is printed. @param {import('./store.js').State} state */
function allow(state) {
  const allowed = is_ready(state) && !has_job(state);
  for (const button of document.querySelectorAll('#files button')) set(button, { disabled: !allowed });
}

/** @param {(files: Iterable<File>) => void} send */
function accept_drops(send) {
  let depth = 0; // dragenter and dragleave come for every element that is crossed
  const shade = (/** @type {number} */ change) => {
    depth = change ? depth + change : 0;
    get('drop').hidden = depth === 0;
  };
  const carries_files = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files');
  window.addEventListener('dragenter', (event) => carries_files(event) && shade(1));
  window.addEventListener('dragleave', (event) => carries_files(event) && shade(-1));
  window.addEventListener('dragover', (event) => carries_files(event) && event.preventDefault());
  window.addEventListener('drop', (event) => {
    if (!carries_files(event)) return;
    event.preventDefault();
    shade(0);
    send(event.dataTransfer?.files ?? []);
  });
}

/** @param {import('./session.js').Session} session @param {Library} library @param {FileInfo} file */
function row_of(session, library, file) {
  const picture = make('span', { className: 'thumb' }, icon('cube'));
  const facts = make('span', { className: 'facts' }, bytes(file.size));
  const print = make('button', { type: 'button', 'aria-label': `Print ${file.path}` }, 'Print');
  print.onclick = () => start(session, library, file);
  const row = make('li', {}, picture, make('span', { className: 'name' }, make('b', { title: file.path }, file.path), facts), print);
  row.fill = async () => {
    const metadata = await library.metadata(file.path, file.modified);
    facts.textContent = facts_of(file, metadata).join(' · ');
    const address = thumbnail(file.path, metadata, 48);
    if (address) picture.replaceChildren(make('img', { src: address, alt: '' }));
  };
  return row;
}

/** @param {FileInfo} file @param {import('./estimate.js').Metadata} metadata */
function facts_of(file, { estimated_time: time, filament_total: filament }) {
  return [...(time ? [duration(time)] : []), ...(filament ? [length(filament)] : []), bytes(file.size)];
}

/** @param {import('./session.js').Session} session @param {Library} library @param {FileInfo} file */
async function start(session, library, file) {
  const metadata = await library.metadata(file.path, file.modified);
  const address = thumbnail(file.path, metadata, 200);
  const body = [make('p', {}, make('b', {}, file.path)), make('p', { className: 'facts' }, facts_of(file, metadata).join(' · '))];
  if (address) body.unshift(make('img', { src: address, alt: 'Picture of the print' }));
  if (await ask('Start this print?', 'Start printing', 'Not now', ...body))
    await attempt(session.request('printer.print.start', { filename: file.path }, 0));
}
