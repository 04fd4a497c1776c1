/** Numbers and names as a person reads them. Pure. */

import { here } from './place.js';

/** @param {number|null|undefined} value @param {number} digits @returns {string} a dash for the unknown */
export function fixed(value, digits = 0) {
  if (value == null || !Number.isFinite(value)) return '–';
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** @param {number|null|undefined} seconds @returns {string} "1h 05m", "4m 09s" */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  const two = (part) => String(part % 60).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}m ${two(whole)}s` : `${Math.floor(minutes / 60)}h ${two(minutes)}m`;
}

/** @param {number} count @returns {string} "17 B", "1.1 MB" */
export function bytes(count) {
  const power = Math.min(3, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${fixed(count / 1000 ** power, power && 1)} ${['B', 'kB', 'MB', 'GB'][power]}`;
}

/** @param {number} millimetres of filament @returns {string} */
export function length(millimetres) {
  return millimetres < 1000 ? `${fixed(millimetres)} mm` : `${fixed(millimetres / 1000, 2)} m`;
}

/** @param {string} object "heater_bed", "temperature_sensor mcu_temp" @returns {string} "Bed", "Mcu temp" */
export function label(object) {
  const name = object.replace(/^heater_(?=bed$)|^\S+ /, '').replace(/_/g, ' ');
  return name[0].toUpperCase() + name.slice(1);
}

/** @param {string} path below the gcodes root @returns {string} its address */
export function file_address(path) {
  return here + '/server/files/gcodes/' + path.split('/').map(encodeURIComponent).join('/');
}
