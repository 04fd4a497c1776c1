/** The picture of a print: its slicer's thumbnail, or the layer at work with the printed part highlighted. */

import { colour, fit_canvas, get, redraw, set } from './dom.js';
import { thumbnail } from './files_view.js';
import { file_address } from './format.js';

/** @typedef {{number: number, total: number, z: number, from: number, to: number, x: Float32Array, y: Float32Array, byte: Uint32Array, drawn: Uint8Array}} DrawnLayer `from`..`to`: the bytes of the file while which it is printed */

export class Picture {
  constructor() {
    this.filename = '';
    this.byte = 0;
    this.done = 0; // points of the layer that are drawn as printed
    this.asked = NaN; // the byte that the worker was last asked for
    /** @type {DrawnLayer|null} */
    this.layer = null;
    /** @type {{left: number, right: number, near: number, far: number}|null} */
    this.bounds = null;
    /** @type {Worker|null} */
    this.worker = null;
    this.canvas = get('toolpath');
    redraw(this.canvas, () => this.draw_all());
    get('picture-kind').onclick = () => this.choose(this.canvas.hidden);
  }

  /** @param {string} filename empty for none @param {import('./estimate.js').Metadata} metadata */
  show_file(filename, metadata) {
    this.worker?.terminate();
    Object.assign(this, { filename, worker: null, layer: null, bounds: null, asked: NaN });
    if (!filename) return;
    const address = thumbnail(filename, metadata, 320);
    set(get('thumbnail'), { src: address ?? '' });
    set(get('picture-kind'), { hidden: !address });
    this.choose(!address);
  }

  /** @param {boolean} toolpath rather than thumbnail */
  choose(toolpath) {
    set(this.canvas, { hidden: !toolpath });
    set(get('thumbnail'), { hidden: toolpath });
    set(get('picture-kind'), { textContent: toolpath ? 'Show picture' : 'Show toolpath' });
    if (toolpath && !this.worker) this.read();
  }

  read() {
    const worker = (this.worker = new Worker(new URL('./toolpath_worker.js', import.meta.url), { type: 'module' }));
    set(get('picture-text'), { textContent: 'Reading the toolpath…' });
    worker.onmessage = ({ data: { read, layer, failed } }) => {
      if (worker !== this.worker) return;
      if (failed) set(get('picture-text'), { textContent: `No toolpath: ${failed}` });
      if (read) {
        this.bounds = read.bounds;
        set(get('picture-text'), { textContent: read.layers ? '' : 'This file extrudes nothing.' });
        this.show_byte(this.byte);
      }
      if (layer) {
        this.layer = layer;
        this.draw_all();
      }
    };
    worker.postMessage({ address: new URL(file_address(this.filename), location.href).href });
  }

  /** @param {number} byte how far the printer has read the file */
  show_byte(byte) {
    this.byte = byte;
    if (!this.worker || !this.bounds) return;
    const { layer } = this;
    if (layer && byte >= layer.from && byte < layer.to) this.draw_more();
    else if (this.asked !== byte) this.worker.postMessage({ byte: (this.asked = byte) });
  }

  draw_all() {
    const { layer, canvas } = this;
    if (canvas.hidden || !layer || !this.bounds || !canvas.clientWidth) return;
    fit_canvas(canvas);
    this.stroke(0, layer.x.length, '--todo');
    this.done = 0;
    this.draw_more();
    canvas.setAttribute('aria-label', `Toolpath of layer ${layer.number} of ${layer.total}`);
  }

  /** Only what was printed since the last time. */
  draw_more() {
    const { layer, byte } = this;
    if (this.canvas.hidden || !layer) return;
    let done = this.done;
    if (done > 0 && layer.byte[done - 1] > byte) return this.draw_all(); // it went back
    while (done < layer.byte.length && layer.byte[done] <= byte) done++;
    if (done === this.done) return;
    this.stroke(Math.max(0, this.done - 1), done, '--done');
    this.done = done;
  }

  /** @param {number} first @param {number} end points of the layer @param {string} tint */
  stroke(first, end, tint) {
    const { layer, bounds, canvas } = this;
    const pen = canvas.getContext('2d');
    if (!layer || !bounds) return;
    const [wide, deep, edge] = [bounds.right - bounds.left, bounds.far - bounds.near, 12];
    const scale = Math.min((canvas.clientWidth - 2 * edge) / wide, (canvas.clientHeight - 2 * edge) / deep);
    const x = (canvas.clientWidth - wide * scale) / 2 - bounds.left * scale;
    const y = (canvas.clientHeight + deep * scale) / 2 + bounds.near * scale;
    pen.lineWidth = Math.max(1, 0.4 * scale);
    pen.lineCap = pen.lineJoin = 'round';
    pen.strokeStyle = colour(tint);
    pen.beginPath();
    for (let at = first; at < end; at++)
      if (layer.drawn[at] && at > first) pen.lineTo(x + layer.x[at] * scale, y - layer.y[at] * scale);
      else pen.moveTo(x + layer.x[at] * scale, y - layer.y[at] * scale);
    pen.stroke();
  }
}
