/** How far a print is and how long it will take. Pure. */

/**
 * @typedef {{size?: number, gcode_start_byte?: number, gcode_end_byte?: number, estimated_time?: number,
 *   layer_height?: number, first_layer_height?: number, object_height?: number, filament_total?: number,
 *   thumbnails?: {width: number, relative_path: string}[]}} Metadata what server.files.metadata answers, where known
 */

/**
 * The part of the commands that has been read, without the comments before and after them.
 * @param {Record<string, any>} card virtual_sdcard @param {Metadata} metadata @returns {number} 0..1
 */
export function progress(card, { gcode_start_byte: start, gcode_end_byte: end }) {
  if (start == null || end == null || end <= start || card.file_position == null) return card.progress ?? 0;
  return Math.min(1, Math.max(0, (card.file_position - start) / (end - start)));
}

/**
 * Seconds left. At first as the slicer has it, later more and more as the print itself goes.
 * @param {number} done 0..1 @param {number} elapsed seconds spent printing @param {number} [sliced] the slicer's total
 * @returns {number|null} null when nothing can be said yet
 */
export function remaining(done, elapsed, sliced) {
  const by_slicer = sliced ? Math.max(0, sliced - elapsed) : null;
  const by_pace = done > 0.01 && elapsed > 10 ? (elapsed * (1 - done)) / done : null;
  if (by_slicer === null || by_pace === null) return by_slicer ?? by_pace;
  return done * by_pace + (1 - done) * by_slicer;
}

/**
 * @param {Record<string, any>} stats print_stats @param {Metadata} metadata @param {number|undefined} z mm
 * @param {{number: number, total: number}|null} drawn the layer that the toolpath says
 * @returns {string} "12 / 110", or a dash
 */
export function layer(stats, metadata, z, drawn) {
  const { current_layer: current, total_layer: total } = stats.info ?? {};
  if (current != null && total) return `${current} / ${total}`;
  if (drawn) return `${drawn.number} / ${drawn.total}`;
  const { layer_height: height, first_layer_height: first = height, object_height: top } = metadata;
  if (!height || first == null || !top || z == null) return '–';
  const count = (/** @type {number} */ to) => Math.max(1, Math.round((to - first) / height) + 1);
  return `${Math.min(count(z), count(top))} / ${count(top)}`;
}
