/** The picture of a print: its slicer's thumbnail, or the layer at work with the printed part highlighted. */

import { clear, colour, get, redraw, set, show } from './dom.js';
import { file_address } from './format.js';
import { thumbnail } from './library.js';

export class Picture {
  /** @param {() => void} changed called when another layer is at work */
  constructor(changed) {
    this.changed = changed;
    this.filename = '';
    this.byte = 0; // how far the printer has read the file
    this.worker = null; // reads the file
    this.bounds = null; // of all layers, once the file is read
    this.layer = null; // at work: toolpath.js Layer, its `total`, and the bytes `from` and `to` which it is
    this.asked = NaN; // byte for which a layer was last asked
    this.done = 0; // points of the layer that are drawn as printed
    this.canvas = get('toolpath');
    redraw(this.canvas, () => this.draw_all());
    get('picture-kind').onclick = () => this.choose(this.canvas.hidden);
  }

  /** @param {string} filename @param {import('./estimate.js').Metadata} metadata */
  show_file(filename, metadata) {
    this.worker?.terminate();
    this.filename = filename;
    this.worker = this.bounds = this.layer = null;
    clear(this.canvas);
    const src = thumbnail(filename, metadata, 320);
    if (src) set('thumbnail', { src });
    set('picture-kind', { hidden: !src });
    this.choose(!src);
  }

  /** @param {boolean} toolpath rather than the thumbnail */
  choose(toolpath) {
    set(this.canvas, { hidden: !toolpath });
    set('thumbnail', { hidden: toolpath });
    show('picture-kind', toolpath ? 'Show picture' : 'Show toolpath');
    if (toolpath && !this.worker) this.read();
  }

  read() {
    const worker = (this.worker = new Worker(new URL('./toolpath_worker.js', import.meta.url), { type: 'module' }));
    show('picture-text', 'Reading the toolpath…');
    worker.onmessage = ({ data: { read, layer, failed } }) => {
      if (layer) this.layer = layer;
      if (read?.layers) this.bounds = read.bounds;
      show('picture-text', failed ? `No toolpath: ${failed}` : this.bounds ? '' : 'This file extrudes nothing.');
      if (layer) this.show_layer();
      else this.show_byte(this.byte);
    };
    worker.postMessage({ address: new URL(file_address(this.filename), location.href).href });
  }

  /** @param {number} byte */
  show_byte(byte) {
    this.byte = byte;
    if (!this.bounds) return;
    if (this.layer && byte >= this.layer.from && byte < this.layer.to) this.draw_more();
    else if (this.asked !== byte) this.worker?.postMessage({ byte: (this.asked = byte) });
  }

  show_layer() {
    this.canvas.ariaLabel = `Toolpath of layer ${this.layer.number} of ${this.layer.total}`;
    this.draw_all();
    this.changed();
  }

  draw_all() {
    if (this.canvas.hidden || !this.layer) return;
    clear(this.canvas);
    this.stroke(0, this.layer.x.length, '--todo');
    this.done = 0;
    this.draw_more();
  }

  /** Only what was printed since the last time. */
  draw_more() {
    const [{ byte }, first] = [this.layer, this.done];
    if (first > 0 && byte[first - 1] > this.byte) return this.draw_all(); // it went back
    while (this.done < byte.length && byte[this.done] <= this.byte) this.done++;
    if (this.done > first && !this.canvas.hidden) this.stroke(Math.max(0, first - 1), this.done, '--done');
  }

  /** Draw points of the layer. */
  stroke(first, end, tint) {
    const { canvas, layer, bounds: { left, right, near, far } } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    const scale = Math.min((width - 24) / (right - left), (height - 24) / (far - near));
    const x = (width - (left + right) * scale) / 2;
    const y = (height + (near + far) * scale) / 2;
    const pen = canvas.getContext('2d');
    pen.lineWidth = Math.max(1, 0.4 * scale);
    pen.lineCap = pen.lineJoin = 'round';
    pen.strokeStyle = colour(tint);
    pen.beginPath();
    for (let at = first; at < end; at++) {
      const [across, down] = [x + layer.x[at] * scale, y - layer.y[at] * scale];
      if (layer.drawn[at] && at > first) pen.lineTo(across, down);
      else pen.moveTo(across, down);
    }
    pen.stroke();
  }
}
