/** The extruded lines of a G-code file by layer, each with the byte at which it is done. Pure. */

const LIMIT = 3_000_000; // points: 40 MB; the layers of a longer file are still counted, but not drawn
const NEW_LAYER = /^; ?(LAYER_CHANGE|CHANGE_LAYER|LAYER:)/;
const UNMARKED_STEP = 0.04; // mm of Z that make a layer in a file without marks

/** @typedef {{number: number, z: number, first: number, end: number, byte: number}} Layer points [first, end) */
/** @typedef {{x: Float32Array, y: Float32Array, byte: Uint32Array, drawn: Uint8Array}} Points `drawn` 0: the pen moves there */

/** Takes a file in pieces of any size. */
export class Toolpath {
  constructor() {
    /** @type {Points} */
    this.points = { x: new Float32Array(1024), y: new Float32Array(1024), byte: new Uint32Array(1024), drawn: new Uint8Array(1024) };
    this.count = 0;
    /** @type {Layer[]} */
    this.layers = [];
    this.bounds = { left: Infinity, right: -Infinity, near: Infinity, far: -Infinity };
    this.marks = 0;
    this.mark_pending = false;
    this.place = { x: 0, y: 0, z: 0, e: 0 };
    this.pen = { x: NaN, y: NaN };
    this.absolute = true;
    this.absolute_e = true;
    this.unit = 1;
    this.offset = 0; // of the byte that the next piece begins with
    this.rest = new Uint8Array(0);
  }

  /** @param {Uint8Array} piece */
  push(piece) {
    const bytes = new Uint8Array(this.rest.length + piece.length);
    bytes.set(this.rest);
    bytes.set(piece, this.rest.length);
    const base = this.offset - this.rest.length;
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.line(bytes, start, end, base + end + 1);
      start = end + 1;
    }
    this.rest = bytes.slice(start);
    this.offset += piece.length;
  }

  /** The file is over. */
  finish() {
    this.line(this.rest, 0, this.rest.length, this.offset);
    this.rest = new Uint8Array(0);
  }

  /** @param {Uint8Array} bytes @param {number} start @param {number} end @param {number} done offset after the line */
  line(bytes, start, end, done) {
    const first = bytes[start];
    if (first === 59) return this.comment(bytes, start, end); // ;
    if ((first !== 71 && first !== 77) || bytes[start + 1] > 57) return; // G, M and a digit
    const words = read_words(bytes, start, end);
    const code = (first === 71 ? 'G' : 'M') + words[first - 65];
    if (code === 'G1' || code === 'G0') this.move(words, done);
    else if (code === 'G2' || code === 'G3') this.arc(words, code === 'G2', done);
    else this.mode(code, words);
  }

  /** @param {Uint8Array} bytes @param {number} start @param {number} end */
  comment(bytes, start, end) {
    if (!NEW_LAYER.test(String.fromCharCode(...bytes.subarray(start, Math.min(end, start + 16))))) return;
    this.marks++;
    this.mark_pending = true;
  }

  /** @param {string} code @param {Float64Array} words */
  mode(code, words) {
    if (code === 'G90' || code === 'G91') this.absolute = code === 'G90';
    else if (code === 'M82' || code === 'M83') this.absolute_e = code === 'M82';
    else if (code === 'G20' || code === 'G21') this.unit = code === 'G20' ? 25.4 : 1;
    else if (code === 'G92') this.place = this.target(words, true, true);
    else if (code === 'G28') this.place = { ...this.place, x: 0, y: 0, z: 0 };
  }

  /** @param {Float64Array} words @param {boolean} absolute @param {boolean} absolute_e */
  target(words, absolute, absolute_e) {
    const to = (/** @type {number} */ from, /** @type {string} */ letter, /** @type {boolean} */ fixed) => {
      const word = words[letter.charCodeAt(0) - 65] * this.unit;
      return Number.isNaN(word) ? from : fixed ? word : from + word;
    };
    const { x, y, z, e } = this.place;
    return { x: to(x, 'X', absolute), y: to(y, 'Y', absolute), z: to(z, 'Z', absolute), e: to(e, 'E', absolute_e) };
  }

  /** @param {Float64Array} words @param {number} done */
  move(words, done) {
    const from = this.place;
    const to = (this.place = this.target(words, this.absolute, this.absolute && this.absolute_e));
    if (to.e > from.e && (to.x !== from.x || to.y !== from.y)) this.extrude(from, to, to.z, done);
  }

  /** As many straight pieces as look round. @param {Float64Array} words @param {boolean} clockwise @param {number} done */
  arc(words, clockwise, done) {
    const from = this.place;
    const to = (this.place = this.target(words, this.absolute, this.absolute && this.absolute_e));
    if (to.e <= from.e) return;
    const [i, j] = [words[8] || 0, words[9] || 0].map((word) => word * this.unit);
    const [x, y, radius] = [from.x + i, from.y + j, Math.hypot(i, j)];
    const begin = Math.atan2(-j, -i);
    let turn = Math.atan2(to.y - y, to.x - x) - begin;
    if (clockwise && turn >= 0) turn -= 2 * Math.PI;
    if (!clockwise && turn <= 0) turn += 2 * Math.PI;
    const pieces = Math.max(1, Math.ceil(Math.abs(turn) / 0.2));
    let last = { x: from.x, y: from.y };
    for (let piece = 1; piece <= pieces; piece++) {
      const angle = begin + (turn * piece) / pieces;
      const next = piece === pieces ? to : { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle) };
      this.extrude(last, next, to.z, done);
      last = next;
    }
  }

  /** @param {{x: number, y: number}} from @param {{x: number, y: number}} to @param {number} z @param {number} done */
  extrude(from, to, z, done) {
    const last = this.layers.at(-1);
    if (!last || (this.marks ? this.mark_pending : Math.abs(z - last.z) > UNMARKED_STEP)) {
      const number = this.marks || this.layers.length + 1;
      this.layers.push({ number, z, first: this.count, end: this.count, byte: done });
      this.mark_pending = false;
      this.pen = { x: NaN, y: NaN };
    }
    if (this.count + 2 > LIMIT) return;
    if (from.x !== this.pen.x || from.y !== this.pen.y) this.add(from, done, 0);
    this.add(to, done, 1);
    this.pen = to;
  }

  /** @param {{x: number, y: number}} point @param {number} done @param {0|1} drawn */
  add({ x, y }, done, drawn) {
    if (this.count === this.points.x.length) this.grow();
    const { points, bounds, count } = this;
    points.x[count] = x;
    points.y[count] = y;
    points.byte[count] = done;
    points.drawn[count] = drawn;
    bounds.left = Math.min(bounds.left, x);
    bounds.right = Math.max(bounds.right, x);
    bounds.near = Math.min(bounds.near, y);
    bounds.far = Math.max(bounds.far, y);
    this.count++;
    this.layers[this.layers.length - 1].end = this.count;
  }

  grow() {
    for (const name of /** @type {const} */ (['x', 'y', 'byte', 'drawn'])) {
      const old = this.points[name];
      const Larger = /** @type {any} */ (old.constructor);
      (this.points[name] = new Larger(old.length * 2)).set(old);
    }
  }

  /** @param {number} byte @returns {number} index of the layer that is printed when the file is read up to there */
  layer_at(byte) {
    let [low, high] = [0, this.layers.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.layers[middle].byte <= byte) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const WORDS = new Float64Array(26);

/** @param {Uint8Array} bytes @param {number} start @param {number} end @returns {Float64Array} by letter, NaN where none; valid until the next call */
function read_words(bytes, start, end) {
  WORDS.fill(NaN);
  for (let at = start; at < end; ) {
    const letter = bytes[at++] & 0xdf;
    if (letter === 27) break; // a comment: ";" & 0xdf
    if (letter < 65 || letter > 90) continue;
    let [sign, value, scale] = [1, 0, 0];
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte >= 48 && byte <= 57) {
        value = value * 10 + byte - 48;
        scale *= 10;
      } else if (byte === 46) scale = 1;
      else if (byte === 45) sign = -1;
      else if (byte !== 43) break;
    }
    WORDS[letter - 65] = (sign * value) / (scale || 1);
  }
  return WORDS;
}
