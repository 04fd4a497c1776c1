/** What the console's lines are, and the commands typed before. Pure. */

const TEMPERATURES = /^(ok\s+)?((B|C|T\d*):\s*-?[\d.]+\s*\/\s*-?[\d.]+\s*(@\S*\s*)?)+$/;

/** @param {string} text @returns {'error'|'temperatures'|'note'|'answer'} */
export function kind_of(text) {
  if (text.startsWith('!!')) return 'error';
  if (TEMPERATURES.test(text.trim())) return 'temperatures';
  return text.startsWith('//') ? 'note' : 'answer';
}

/** Walked through with the arrow keys. */
export class CommandHistory {
  /** @param {string[]} commands oldest first @param {number} limit how many are kept */
  constructor(commands = [], limit = 100) {
    this.commands = commands;
    this.limit = limit;
    this.place = commands.length;
  }

  /** @param {string} command */
  add(command) {
    this.commands = [...this.commands.filter((old) => old !== command), command].slice(-this.limit);
    this.place = this.commands.length;
  }

  /** @param {number} step -1 for older, 1 for newer @returns {string} empty beyond the newest */
  walk(step) {
    this.place = Math.max(0, Math.min(this.commands.length, this.place + step));
    return this.commands[this.place] ?? '';
  }
}
