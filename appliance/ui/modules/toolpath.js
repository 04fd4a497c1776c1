/** The extruded lines of a G-code file by layer, each with the byte at which it is done. Pure. */

const LIMIT = 3_000_000; // points, 13 bytes each; later layers of a longer file are counted but not drawn
const NEW_LAYER = /^; ?(LAYER_CHANGE|CHANGE_LAYER|LAYER:)/;
const UNMARKED_STEP = 0.04; // mm of Z that make a layer in a file without such marks
const WORD = /([XYZEIJ])([-+]?[\d.]+)/gi;

/**
 * @typedef {object} Layer
 * @property {number} number @property {number} z mm @property {number} start byte of the file where it begins
 * @property {any} x mm @property {any} y mm @property {any} byte of the file when the point is reached
 * @property {any} drawn 0 where the pen moves to the point, 1 where it draws
 */

/** Takes a file in pieces of any size, of one byte a character. */
export class Toolpath {
  constructor() {
    /** @type {Layer[]} */
    this.layers = [];
    this.bounds = { left: Infinity, right: -Infinity, near: Infinity, far: -Infinity };
    this.points = 0;
    this.marks = 0; // of layers in the comments
    this.marked_at = -1; // byte of a mark whose layer has no line yet
    this.at = { X: 0, Y: 0, Z: 0, E: 0 };
    this.pen = this.at; // where the last extrusion ended
    this.absolute = true;
    this.absolute_e = true;
    this.unit = 1;
    this.byte = 0;
    this.rest = '';
  }

  /** @param {string} piece */
  push(piece) {
    const lines = (this.rest + piece).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      this.byte += line.length + 1;
      this.read_line(line);
    }
  }

  finish() {
    this.push('\n');
    this.close_layer();
  }

  read_line(line) {
    if (NEW_LAYER.test(line)) {
      this.marks++;
      this.marked_at = this.byte;
    }
    const code = /^[GM]\d+/i.exec(line)?.[0];
    if (!code) return;
    const words = {};
    for (const [, letter, value] of line.split(';')[0].matchAll(WORD)) words[letter.toUpperCase()] = Number(value) * this.unit;
    this.run(code.toUpperCase().replace(/0(?=\d)/, ''), words);
  }

  run(code, words) {
    if (code === 'G0' || code === 'G1') this.move(this.target(words));
    else if (code === 'G2' || code === 'G3') this.arc(words, code === 'G2');
    else if (code === 'G90' || code === 'G91') this.absolute = code === 'G90';
    else if (code === 'M82' || code === 'M83') this.absolute_e = code === 'M82';
    else if (code === 'G20' || code === 'G21') this.unit = code === 'G20' ? 25.4 : 1;
    else if (code === 'G28') this.at = { ...this.at, X: 0, Y: 0, Z: 0 };
    else if (code === 'G92') this.at = { ...this.at, ...words };
  }

  /** Where a move ends. */
  target(words) {
    const to = { ...this.at };
    for (const axis of ['X', 'Y', 'Z', 'E']) {
      const fixed = this.absolute && (axis !== 'E' || this.absolute_e);
      if (axis in words) to[axis] = fixed ? words[axis] : to[axis] + words[axis];
    }
    return to;
  }

  move(to) {
    if (to.E > this.at.E && (to.X !== this.at.X || to.Y !== this.at.Y)) this.extrude(to);
    this.at = to;
  }

  /** As many straight pieces as look round. */
  arc(words, clockwise) {
    const [from, to, { I = 0, J = 0 }] = [this.at, this.target(words), words];
    const [x, y, begin] = [from.X + I, from.Y + J, Math.atan2(-J, -I)];
    let turn = Math.atan2(to.Y - y, to.X - x) - begin;
    if (clockwise ? turn >= 0 : turn <= 0) turn += (clockwise ? -2 : 2) * Math.PI;
    const pieces = Math.ceil(Math.abs(turn) / 0.2);
    for (let piece = 1; piece < pieces; piece++) {
      const [part, angle] = [piece / pieces, begin + (turn * piece) / pieces];
      const [X, Y] = [x + Math.hypot(I, J) * Math.cos(angle), y + Math.hypot(I, J) * Math.sin(angle)];
      this.move({ X, Y, Z: to.Z, E: from.E + (to.E - from.E) * part });
    }
    this.move(to);
  }

  extrude(to) {
    const last = this.layers.at(-1);
    if (!last || (this.marks ? this.marked_at >= 0 : Math.abs(to.Z - last.z) > UNMARKED_STEP)) {
      this.close_layer();
      const number = this.marks || this.layers.length + 1;
      const start = this.marked_at < 0 ? this.byte : this.marked_at;
      this.layers.push({ number, z: to.Z, start, x: [], y: [], byte: [], drawn: [] });
      this.marked_at = -1;
      this.add(this.at, 0);
    } else if (this.at.X !== this.pen.X || this.at.Y !== this.pen.Y) this.add(this.at, 0);
    this.add(to, 1);
    this.pen = to;
  }

  add({ X, Y }, drawn) {
    const [layer, bounds] = [this.layers[this.layers.length - 1], this.bounds];
    if (++this.points > LIMIT) return;
    layer.x.push(X);
    layer.y.push(Y);
    layer.byte.push(this.byte);
    layer.drawn.push(drawn);
    if (X < bounds.left) bounds.left = X;
    if (X > bounds.right) bounds.right = X;
    if (Y < bounds.near) bounds.near = Y;
    if (Y > bounds.far) bounds.far = Y;
  }

  /** Nothing will be added to the last layer: keep it small. */
  close_layer() {
    const layer = this.layers.at(-1);
    if (!layer) return;
    layer.x = Float32Array.from(layer.x);
    layer.y = Float32Array.from(layer.y);
    layer.byte = Uint32Array.from(layer.byte);
    layer.drawn = Uint8Array.from(layer.drawn);
  }

  /** @param {number} byte @returns {number} index of the layer at work when the file is read up to there */
  layer_at(byte) {
    let [low, high] = [0, this.layers.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.layers[middle].start <= byte) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
