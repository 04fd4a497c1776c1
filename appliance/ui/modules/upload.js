/** Sends files to the broker, one after the other, and shows how far they are. */

import { get, make, show } from './dom.js';
import { bytes } from './format.js';
import { here } from './place.js';
import { complain } from './speak.js';

/** @param {Iterable<File>} files @param {() => void} arrived called after each */
export async function upload(files, arrived) {
  for (const file of files)
    try {
      if (!/\.(gcode|gco|g|nc|ufp)$/i.test(file.name)) throw new Error('it is no G-code file (.gcode, .gco, .g, .nc, .ufp)');
      await send(file);
      arrived();
    } catch (error) {
      complain(`${file.name} was not uploaded: ${error.message}`);
    }
}

/** @param {File} file */
function send(file) {
  const request = new XMLHttpRequest(); // fetch tells nothing of what it has sent
  const bar = make('progress', { max: file.size || 1, value: 0, 'aria-label': `Upload of ${file.name}` });
  const stop = make('button', { className: 'quiet', 'aria-label': `Stop the upload of ${file.name}` }, '×');
  const text = make('span', {}, file.name);
  const row = make('div', { className: 'upload' }, text, stop, bar);
  stop.onclick = () => request.abort();
  get('uploads').append(row);
  const sent = new Promise((resolve, reject) => {
    request.upload.onprogress = ({ loaded }) => {
      bar.value = loaded;
      show(text, `${file.name} · ${bytes(Math.min(loaded, file.size))} of ${bytes(file.size)}`);
    };
    request.onabort = () => reject(new Error('you stopped it'));
    request.onerror = () => reject(new Error('the connection was lost'));
    request.onload = () => (request.status < 300 ? resolve(null) : reject(new Error(reason(request))));
  });
  const form = new FormData();
  form.append('root', 'gcodes');
  form.append('file', file);
  request.open('POST', `${here}/server/files/upload`);
  request.send(form);
  return sent.finally(() => row.remove());
}

/** @param {XMLHttpRequest} request @returns {string} in the broker's words; a proxy in between has none */
function reason({ status, responseText }) {
  try {
    return JSON.parse(responseText).error.message;
  } catch {
    return { 413: 'it is too large', 507: 'the disk is full' }[status] ?? `the broker answers ${status}`;
  }
}
