/** Twenty minutes of temperatures, one sample a second, in memory that never grows. Pure. */

export const SPAN = 1200; // samples kept, the broker keeps as many

/** The last SPAN numbers of one quantity; NaN where none was known. */
export class Ring {
  constructor() {
    this.values = new Float32Array(SPAN).fill(NaN);
    this.next = 0;
  }

  /** @param {number|null|undefined} value */
  push(value) {
    this.values[this.next] = value ?? NaN;
    this.next = (this.next + 1) % SPAN;
  }

  /** @param {number} age seconds ago, 0 is the newest @returns {number} */
  at(age) {
    return this.values[(this.next - 1 - age + 2 * SPAN) % SPAN];
  }
}

/** What happened to every sensor: a ring of temperatures each, and of targets where there are any. */
export class TemperatureHistory {
  constructor() {
    /** @type {Map<string, {temperature: Ring, target: Ring}>} */
    this.sensors = new Map();
  }

  /** Start over with what server.temperature_store answered. @param {Record<string, any>} stored */
  load(stored) {
    this.sensors.clear();
    for (const [name, { temperatures = [], targets = [] }] of Object.entries(stored)) {
      const sensor = this.sensor(name);
      for (const value of temperatures.slice(-SPAN)) sensor.temperature.push(value);
      for (const value of targets.slice(-SPAN)) sensor.target.push(value);
    }
  }

  /** @param {string} name */
  sensor(name) {
    let sensor = this.sensors.get(name);
    if (!sensor) this.sensors.set(name, (sensor = { temperature: new Ring(), target: new Ring() }));
    return sensor;
  }

  /** One more second. @param {string[]} names @param {Record<string, any>} status */
  sample(names, status) {
    for (const name of this.sensors.keys()) if (!names.includes(name)) this.sensors.delete(name);
    for (const name of names) {
      const sensor = this.sensor(name);
      sensor.temperature.push(status[name]?.temperature);
      sensor.target.push(status[name]?.target);
    }
  }

  /** @returns {number} the highest temperature or target that is kept, at least 50 */
  highest() {
    let highest = 50;
    for (const { temperature, target } of this.sensors.values())
      for (const { values } of [temperature, target])
        for (const value of values) if (value > highest) highest = value;
    return highest;
  }
}

/** @param {number} span @param {number} count most marks wanted @returns {number} a round step: 1, 2, 2.5 or 5 times a power of ten */
export function round_step(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return power * ([1, 2, 2.5, 5].find((step) => step * power * count >= span) ?? 10);
}
