/** Puts the page together. */

import { show_console } from './console_view.js';
import { add_icon } from './dom.js';
import { offer_emergency_stop } from './emergency_stop.js';
import { show_files } from './files_view.js';
import { show_job } from './job_view.js';
import { Library } from './library.js';
import { show_motion } from './motion_view.js';
import { here } from './place.js';
import { show_printers } from './printers_view.js';
import { Session } from './session.js';
import { show_status } from './status_view.js';
import { Store } from './store.js';
import { show_temperatures } from './temperatures_view.js';

for (const element of document.querySelectorAll('[data-icon]')) add_icon(element, element.getAttribute('data-icon') ?? '');

const session = new Session(new Store(), `${location.origin.replace(/^http/, 'ws')}${here}/websocket`);
const library = new Library(session);
show_status(session);
show_printers(session);
offer_emergency_stop(session);
show_job(session, library);
show_files(session, library);
show_temperatures(session);
show_motion(session);
show_console(session);
session.connection.open();
