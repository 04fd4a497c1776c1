/** The console: what the printer says, and commands to it. */

import { CommandHistory, kind_of } from './console_lines.js';
import { get, make, set } from './dom.js';
import { is_ready } from './store.js';

const LINES = 500; // kept on the page

/** @param {import('./session.js').Session} session */
export function show_console(session) {
  const output = get('output');
  const input = get('command');
  const history = new CommandHistory(JSON.parse(localStorage.getItem('commands') ?? '[]'));

  const write = (/** @type {string} */ text, kind = kind_of(text), /** @type {number|undefined} */ time = Date.now() / 1000) => {
    const at_end = output.scrollHeight - output.scrollTop - output.clientHeight < 30;
    output.append(make('div', { className: kind, title: new Date(time * 1000).toLocaleTimeString() }, text));
    while (output.childElementCount > LINES) output.firstChild.remove();
    if (at_end) output.scrollTop = output.scrollHeight;
  };
  const send = async (/** @type {string} */ command) => {
    write(command, /** @type {any} */ ('command'));
    history.add(command);
    localStorage.setItem('commands', JSON.stringify(history.commands));
    try {
      // M112 must not queue behind the command that it is to stop.
      await (/^\s*M112\b/i.test(command) ? session.request('printer.emergency_stop') : session.run(command));
    } catch (error) {
      const text = /** @type {Error} */ (error).message;
      const told = [...output.children].slice(-5).some((line) => line.textContent.includes(text));
      if (!told) write(text.startsWith('!!') ? text : `!! ${text}`);
    }
  };
  get('console-form').onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const command = input.value.trim();
    if (command) send(command);
    input.value = '';
  };
  input.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    input.value = history.walk(event.key === 'ArrowUp' ? -1 : 1);
  };
  get('chatter').onchange = () => output.classList.toggle('all', get('chatter').checked);
  session.on('notify_gcode_response', (text) => write(text));
  session.on('synchronised', async () => {
    const answer = await session.request('server.gcode_store', { count: 100 }).catch(() => null);
    if (!answer) return;
    output.replaceChildren();
    for (const { message, type, time } of answer.gcode_store) write(message, type === 'command' ? type : undefined, time);
    output.scrollTop = output.scrollHeight;
  });
  // In the error and shutdown states the host still takes STATUS, RESTART and FIRMWARE_RESTART.
  session.store.watch((state) => {
    const usable = is_ready(state) || ['error', 'shutdown'].includes(state.host.state);
    set(input, { disabled: !usable || state.link.phase !== 'open' });
  });
}
