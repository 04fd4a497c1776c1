/** The console: what the printer says, and commands to it. */

import { CommandHistory, kind_of } from './console_lines.js';
import { get, make, set } from './dom.js';

const LINES = 500; // kept on the page

/** @param {import('./session.js').Session} session */
export function show_console(session) {
  const [output, input, chatter] = [get('output'), get('command'), get('chatter')];
  const history = new CommandHistory(JSON.parse(localStorage.getItem('commands') ?? '[]'));

  const write = (text, kind = String(kind_of(text)), time = Date.now() / 1000) => {
    const at_end = output.scrollHeight - output.scrollTop - output.clientHeight < 30;
    output.append(make('div', { className: kind, title: new Date(time * 1000).toLocaleTimeString() }, text));
    if (output.childElementCount > LINES) output.firstChild.remove();
    if (at_end) output.scrollTop = output.scrollHeight;
  };
  const send = async (command) => {
    write(command, 'command');
    history.add(command);
    localStorage.setItem('commands', JSON.stringify(history.commands));
    try {
      // M112 must not queue behind the command that it is to stop.
      await (/^M112\b/i.test(command) ? session.request('printer.emergency_stop') : session.run(command));
    } catch ({ message }) {
      const told = [...output.children].slice(-5).some((line) => line.textContent.includes(message));
      if (!told) write(`!! ${message}`);
    }
  };
  get('console-form').onsubmit = (event) => {
    event.preventDefault();
    if (input.value.trim()) send(input.value.trim());
    input.value = '';
  };
  input.onkeydown = (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    input.value = history.walk(step);
  };
  chatter.onchange = () => output.classList.toggle('all', chatter.checked);
  session.on('notify_gcode_response', (text) => write(text));
  session.on('synchronised', async () => {
    const { gcode_store } = await session.request('server.gcode_store', { count: 100 }).catch(() => ({ gcode_store: [] }));
    output.replaceChildren();
    for (const { message, type, time } of gcode_store) write(message, type === 'command' ? type : kind_of(message), time);
  });
  // In the error and shutdown states the host still takes some commands, such as STATUS and RESTART.
  session.store.watch(({ link, host }) => {
    set(input, { disabled: link !== 'open' || !['ready', 'error', 'shutdown'].includes(host.state) });
  });
}
