/** What the broker knows of the G-code files. */

import { bytes, duration, file_address, length } from './format.js';

/** @typedef {{path: string, modified: number, size: number}} FileInfo */
/** @typedef {import('./estimate.js').Metadata} Metadata */

/** The files' metadata, asked for once. */
export class Library {
  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.known = new Map();
    session.on('notify_filelist_changed', () => this.known.clear());
  }

  /** @param {string} filename @returns {Promise<Metadata>} empty when nothing is known */
  metadata(filename) {
    if (!this.known.has(filename)) {
      const unknown = () => (this.known.delete(filename), {});
      this.known.set(filename, this.session.request('server.files.metadata', { filename }).catch(unknown));
    }
    return this.known.get(filename);
  }
}

/** @param {string} path @param {Metadata} metadata @param {number} width wanted @returns {string} an address, or nothing */
export function thumbnail(path, { thumbnails = [] }, width) {
  const by_width = [...thumbnails].sort((a, b) => a.width - b.width);
  const best = by_width.find((one) => one.width >= width) ?? by_width.at(-1);
  return best ? file_address(path.replace(/[^/]*$/, '') + best.relative_path) : '';
}

/** @param {FileInfo} file @param {Metadata} metadata @returns {string} */
export function facts({ size }, { estimated_time, filament_total }) {
  return [estimated_time && duration(estimated_time), filament_total && length(filament_total), bytes(size)].filter(Boolean).join(' · ');
}
