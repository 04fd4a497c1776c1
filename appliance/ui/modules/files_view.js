/** The G-code files, newest first; upload and start. */

import { add_icon, get, make, set } from './dom.js';
import { facts, thumbnail } from './library.js';
import { ask, attempt } from './speak.js';
import { has_job, is_ready } from './store.js';
import { upload } from './upload.js';

const SHOWN = 60; // files; older ones on demand

/** @param {import('./session.js').Session} session @param {import('./library.js').Library} library */
export function show_files(session, library) {
  const list = get('files');
  let files = [];
  let limit = SHOWN;
  const in_sight = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) fill(target);
  });
  const fill = (row) => {
    in_sight.unobserve(row);
    row.fill();
  };
  const allow = (state) => {
    for (const button of list.querySelectorAll('button')) set(button, { disabled: !is_ready(state) || has_job(state) });
  };
  const list_files = () => {
    list.replaceChildren(...files.slice(0, limit).map((file) => make_row(session, library, file)));
    for (const row of list.children) in_sight.observe(row);
    set('no-files', { hidden: files.length > 0 });
    set('more-files', { hidden: files.length <= limit, textContent: `Show all ${files.length} files` });
    allow(session.store.state);
  };
  const load = async () => {
    files = await session.request('server.files.list', { root: 'gcodes' }).catch(() => files);
    files.sort((a, b) => b.modified - a.modified);
    list_files();
  };
  const send = (chosen) => upload([...chosen], load);

  get('more-files').onclick = () => {
    limit = Infinity;
    list_files();
  };
  get('upload').onclick = () => get('file-input').click();
  get('file-input').onchange = ({ target }) => {
    send(target.files);
    target.value = '';
  };
  accept_drops(send);
  session.on('synchronised', load);
  session.on('notify_filelist_changed', load);
  session.store.watch(allow);
}

function accept_drops(send) {
  const shade = get('drop');
  window.ondragenter = ({ dataTransfer }) => set(shade, { hidden: !dataTransfer?.types.includes('Files') });
  shade.ondragleave = () => set(shade, { hidden: true });
  shade.ondragover = (event) => event.preventDefault();
  shade.ondrop = (event) => {
    event.preventDefault();
    set(shade, { hidden: true });
    send(event.dataTransfer.files);
  };
}

function make_row(session, library, file) {
  const picture = make('span', { className: 'thumb' });
  const about = make('span', { className: 'facts' }, facts(file, {}));
  const print = make('button', { 'aria-label': `Print ${file.path}` }, 'Print');
  const row = make('li', {}, picture, make('span', { className: 'name' }, make('b', {}, file.path), about), print);
  add_icon(picture, 'cube');
  print.onclick = () => start(session, library, file);
  row.fill = async () => {
    const metadata = await library.metadata(file.path);
    set(about, { textContent: facts(file, metadata) });
    const src = thumbnail(file.path, metadata, 48);
    if (src) picture.replaceChildren(make('img', { src, alt: '' }));
  };
  return row;
}

/** Ask, then print. */
async function start(session, library, file) {
  const metadata = await library.metadata(file.path);
  const src = thumbnail(file.path, metadata, 200);
  const body = [make('h3', {}, file.path), make('p', { className: 'facts' }, facts(file, metadata))];
  if (src) body.unshift(make('img', { src, alt: 'Picture of the print' }));
  const sure = await ask('Start this print?', 'Start printing', 'Not now', body);
  if (sure) await attempt(session.request('printer.print.start', { filename: file.path }, 0));
}
