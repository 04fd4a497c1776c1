/** Where this printer is among those of its broker. Pure. */

/** @param {string} pathname of the page @returns {string} what leads to this printer's API, '' for the broker's root */
export function printer_path(pathname) {
  return pathname.match(/^.*\/printers\/[\w-]+(?=\/)/)?.[0] ?? '';
}

export const here = printer_path(globalThis.location?.pathname ?? '');

/**
 * @typedef {{name: string, path: string, port: number|null, default: boolean, state: string, print_state: string, progress: number}} Entry
 * @param {Entry[]} printers @param {string} path as of printer_path @param {string} port of the page
 * @returns {Entry|undefined} the one that this page shows
 */
export function shown_printer(printers, path, port) {
  if (path) return printers.find((one) => path.endsWith(one.path.slice(0, -1)));
  return printers.find((one) => String(one.port) === port) ?? printers.find((one) => one.default);
}

/** @param {Entry[]} printers @param {Entry[]} changed @returns {Entry[]} */
export function with_changes(printers, changed) {
  return printers.map((one) => changed.find(({ name }) => name === one.name) ?? one);
}

/** @param {Entry[]} printers @returns {Entry|undefined} the one that this page shows, if it is one of several */
export function this_one(printers) {
  return printers.length > 1 ? shown_printer(printers, here, globalThis.location?.port ?? '') : undefined;
}
