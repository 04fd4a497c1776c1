/** What the page says and asks outside of its cards: notices, and questions that must be answered. */

import { get, make, set, show } from './dom.js';

/** @param {string} text stays until it is closed, or said again */
export function complain(text) {
  const close = make('button', { className: 'quiet', 'aria-label': 'Close notice' }, '×');
  const notice = make('p', { className: 'notice' }, make('span', {}, text), close);
  close.onclick = () => notice.remove();
  const notices = get('notices');
  for (const old of [...notices.children]) if (old.firstChild.textContent === text) old.remove();
  notices.append(notice);
  if (notices.children.length > 4) notices.firstChild.remove();
}

/** Do something for the user; say so when it fails. @param {Promise<any>} doing @returns {Promise<boolean>} whether it went well */
export async function attempt(doing) {
  try {
    await doing;
    return true;
  } catch (error) {
    complain(error.message.replace(/^!!\s*/, ''));
    return false;
  }
}

/** @param {string} title @param {string} yes @param {string} no @param {Node[]} body @param {boolean} loses something @returns {Promise<boolean>} */
export function ask(title, yes, no, body, loses = false) {
  const dialog = get('ask');
  show('ask-title', title);
  show('ask-yes', yes);
  show('ask-no', no);
  get('ask-yes').classList.toggle('danger', loses);
  get('ask-body').replaceChildren(...body);
  set(dialog, { returnValue: '' }); // as Escape leaves it
  dialog.showModal();
  return new Promise((resolve) => (dialog.onclose = () => resolve(dialog.returnValue === 'yes')));
}
