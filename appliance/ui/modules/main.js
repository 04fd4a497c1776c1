/** Puts the page together. */

import { show_console } from './console_view.js';
import { offer_emergency_stop } from './emergency_stop.js';
import { Library, show_files } from './files_view.js';
import { show_job } from './job_view.js';
import { show_motion } from './motion_view.js';
import { Session } from './session.js';
import { show_status } from './status_view.js';
import { Store } from './store.js';
import { show_temperatures } from './temperatures_view.js';

const session = new Session(new Store(), `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/websocket`);
const library = new Library(session);

show_status(session);
offer_emergency_stop(session);
show_job(session, library);
show_files(session, library);
show_temperatures(session);
show_motion(session);
show_console(session);
session.connection.open();
