/** Sends files to the broker, one after the other, and shows how far they are. */

import { get, make } from './dom.js';
import { bytes } from './format.js';
import { notify } from './speak.js';

const NAMES = /\.(gcode|gco|g|nc|ufp)$/i;
const REASONS = /** @type {Record<number, string>} */ ({
  0: 'the connection was lost', 401: 'you are not logged in', 403: 'the printer is using this file',
  413: 'the file is too large', 422: 'it was damaged on its way', 507: 'the disk is full',
});

/** @param {Iterable<File>} files @param {(path: string) => void} arrived */
export async function upload(files, arrived) {
  for (const file of files) {
    if (!NAMES.test(file.name)) {
      notify(`${file.name} is not a G-code file (.gcode, .gco, .g, .nc, .ufp)`);
      continue;
    }
    try {
      arrived(await send(file));
    } catch (error) {
      notify(`${file.name} was not uploaded: ${/** @type {Error} */ (error).message}`);
    }
  }
}

/** @param {File} file @returns {Promise<string>} its path below the gcodes root */
function send(file) {
  const request = new XMLHttpRequest(); // fetch tells nothing of what it has sent
  const bar = make('progress', { max: file.size || 1, value: 0, 'aria-label': `Upload of ${file.name}` });
  const text = make('span', {}, file.name);
  const stop = make('button', { type: 'button', className: 'quiet', 'aria-label': `Stop the upload of ${file.name}` }, '×');
  const row = make('div', { className: 'upload' }, text, bar, stop);
  stop.onclick = () => request.abort();
  get('uploads').append(row);
  return new Promise((/** @type {(path: string) => void} */ resolve, reject) => {
    request.upload.onprogress = ({ loaded }) => {
      bar.value = loaded;
      text.textContent = `${file.name} · ${bytes(Math.min(loaded, file.size))} of ${bytes(file.size)}`;
    };
    request.onabort = () => reject(new Error('you stopped it'));
    request.onerror = () => reject(new Error(REASONS[0]));
    request.onload = () => {
      const answer = parse(request.responseText);
      if (request.status < 300) resolve((answer.result ?? answer).item.path);
      else reject(new Error(`${REASONS[request.status] ?? 'the broker refused it'} (${answer.error?.message ?? request.status})`));
    };
    const form = new FormData();
    form.append('root', 'gcodes');
    form.append('file', file);
    request.open('POST', '/server/files/upload');
    request.send(form);
  }).finally(() => row.remove());
}

/** @param {string} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
