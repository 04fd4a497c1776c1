/** How far a print is and how long it will take. Pure. */

/**
 * @typedef {object} Metadata what server.files.metadata answers, as far as it is known
 * @property {number} [gcode_start_byte] @property {number} [gcode_end_byte] @property {number} [estimated_time] s
 * @property {number} [layer_height] @property {number} [first_layer_height] @property {number} [object_height] mm
 * @property {number} [filament_total] mm @property {{width: number, relative_path: string}[]} [thumbnails]
 */

/**
 * The part of the commands that was read, without the comments before and after them.
 * @param {Record<string, any>} card virtual_sdcard @param {Metadata} metadata @returns {number} 0..1
 */
export function progress(card, { gcode_start_byte: start = 0, gcode_end_byte: end = 0 }) {
  if (end <= start) return card.progress ?? 0;
  return Math.min(1, Math.max(0, ((card.file_position ?? 0) - start) / (end - start)));
}

/**
 * Seconds left: at first as the slicer has it, later more and more as the print itself goes.
 * @param {number} done 0..1 @param {number} elapsed seconds of printing @param {number} [sliced] the slicer's total
 * @returns {number|null} null while nothing can be said
 */
export function remaining(done, elapsed, sliced) {
  const by_slicer = sliced ? Math.max(0, sliced - elapsed) : null;
  const by_pace = done > 0.01 && elapsed > 10 ? (elapsed * (1 - done)) / done : null;
  if (by_slicer === null || by_pace === null) return by_slicer ?? by_pace;
  return done * by_pace + (1 - done) * by_slicer;
}

/**
 * @param {Record<string, any>} stats print_stats @param {Metadata} metadata @param {number} [z] mm
 * @param {{number: number, total: number}|null} [drawn] the layer that the toolpath tells
 * @returns {string} "12 / 110", or a dash
 */
export function layer({ info }, { layer_height: height = 0, first_layer_height: first = height, object_height: top }, z, drawn) {
  if (info?.current_layer != null && info.total_layer) return `${info.current_layer} / ${info.total_layer}`;
  if (drawn) return `${drawn.number} / ${drawn.total}`;
  if (!height || !top || z == null) return '–';
  const count = (to) => Math.max(1, Math.round((to - first) / height) + 1);
  return `${Math.min(count(z), count(top))} / ${count(top)}`;
}
