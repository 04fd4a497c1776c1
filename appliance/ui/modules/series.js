/** Twenty minutes of temperatures, one sample a second, in memory that never grows. Pure. */

export const SPAN = 1200; // samples; the broker keeps as many

/** The last SPAN numbers of one quantity; NaN where none was known. */
export class Ring {
  constructor() {
    this.values = new Float32Array(SPAN).fill(NaN);
    this.next = 0;
    this.count = 0; // numbers that it has
  }

  /** @param {number|null|undefined} value */
  push(value) {
    this.values[this.next] = value ?? NaN;
    this.next = (this.next + 1) % SPAN;
    this.count = Math.min(SPAN, this.count + 1);
  }

  /** @param {number} age samples ago, 0 is the newest */
  at(age) {
    return this.values[(this.next + 2 * SPAN - 1 - age) % SPAN];
  }
}

/** A ring of temperatures and one of targets for every sensor. */
export class TemperatureHistory {
  constructor() {
    /** @type {Record<string, {temperature: Ring, target: Ring}>} */
    this.sensors = {};
  }

  /** @param {string} name */
  sensor(name) {
    return (this.sensors[name] ??= { temperature: new Ring(), target: new Ring() });
  }

  /** Begin anew with what server.temperature_store answered. @param {Record<string, any>} stored */
  load(stored) {
    this.sensors = {};
    for (const [name, { temperatures = [], targets = [] }] of Object.entries(stored)) {
      for (const value of temperatures) this.sensor(name).temperature.push(value);
      for (const value of targets) this.sensor(name).target.push(value);
    }
  }

  /** One more second. @param {string[]} names @param {Record<string, any>} status */
  sample(names, status) {
    for (const name of names) {
      this.sensor(name).temperature.push(status[name]?.temperature);
      this.sensor(name).target.push(status[name]?.target);
    }
  }

  /** @returns {number} seconds to show: five minutes, or as many times that as there are samples for */
  span() {
    const longest = Math.max(0, ...Object.values(this.sensors).map(({ temperature }) => temperature.count));
    return Math.max(300, Math.ceil(longest / 300) * 300);
  }

  /** @returns {number} the highest temperature or target that is kept, at least 50 */
  highest() {
    const rings = Object.values(this.sensors).flatMap(({ temperature, target }) => [temperature, target]);
    return rings.reduce((high, { values }) => values.reduce((a, b) => (b > a ? b : a), high), 50);
  }
}

/** @param {number} span @param {number} count most marks wanted @returns {number} 1, 2, 2.5 or 5 times a power of ten */
export function round_step(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return power * ([1, 2, 2.5, 5].find((step) => step * power * count >= span) ?? 10);
}
