/** The printers of this broker, where there are several: what each does, and the way to its page. */

import { get, make, set, show } from './dom.js';
import { fixed } from './format.js';
import { here, this_one } from './place.js';
import { NAMES } from './status_view.js';

/** @param {import('./session.js').Session} session */
export function show_printers(session) {
  const links = new Map();
  const root = here.replace(/\/printers\/[\w-]+$/, '');
  session.store.watch(({ printers }) => {
    set('printers', { hidden: printers.length < 2 });
    if (printers.length < 2) return;
    const current = this_one(printers);
    if (current) document.title = current.name;
    for (const one of printers) {
      if (!links.has(one.name)) links.set(one.name, add(root + one.path, one.name));
      update(links.get(one.name), one, one === current);
    }
  });
}

function add(address, name) {
  const [state, bar] = [make('span'), make('progress', { 'aria-label': `Progress of ${name}` })];
  const link = make('a', { href: address }, make('strong', {}, name), state, bar);
  get('printers').append(link);
  return { link, state, bar };
}

/** @param {any} parts @param {import('./place.js').Entry} one @param {boolean} current */
function update({ link, state, bar }, one, current) {
  const printing = one.state === 'ready' && ['printing', 'paused'].includes(one.print_state);
  const name = printing ? one.print_state : one.state;
  show(state, (NAMES[name] ?? name) + (printing ? ` ${fixed(100 * one.progress)} %` : ''));
  set(bar, { hidden: !printing, value: one.progress });
  link.dataset.state = name;
  link.title = one.message ?? '';
  if (current) link.setAttribute('aria-current', 'page');
}
