/** Numbers and names as a person reads them. Pure. */

/** @param {number|null|undefined} seconds @returns {string} "1h 05m", "4m 09s", or a dash for the unknown */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ part) => String(part).padStart(2, '0');
  return hours ? `${hours}h ${two(minutes)}m` : minutes ? `${minutes}m ${two(rest)}s` : `${rest}s`;
}

/** @param {number} count @returns {string} "17 B", "1.1 MB" */
export function bytes(count) {
  const power = Math.min(3, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${(count / 1000 ** power).toFixed(power ? 1 : 0)} ${['B', 'kB', 'MB', 'GB'][power]}`;
}

/** @param {number} millimetres of filament @returns {string} */
export function length(millimetres) {
  return millimetres < 1000 ? `${millimetres.toFixed(0)} mm` : `${(millimetres / 1000).toFixed(2)} m`;
}

/** @param {number|null|undefined} value @param {number} digits @returns {string} a dash for the unknown */
export function fixed(value, digits) {
  if (value == null || !Number.isFinite(value)) return '–';
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** The name that a person gives a printer object. @param {string} object "heater_bed", "temperature_sensor mcu_temp" */
export function label(object) {
  if (object === 'heater_bed') return 'Bed';
  const name = object.replace(/^\S+ /, '').replace(/_/g, ' ').replace(/^extruder(\d)/, 'extruder $1');
  return name[0].toUpperCase() + name.slice(1);
}

/** The address of a file below the gcodes root. @param {string} path */
export function file_address(path) {
  return '/server/files/gcodes/' + path.split('/').map(encodeURIComponent).join('/');
}
