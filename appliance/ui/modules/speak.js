/** What the page says and asks outside of its cards: passing notices and questions that must be answered. */

import { get, make } from './dom.js';

/** @param {string} text @param {'error'|'good'} kind errors stay until they are closed */
export function notify(text, kind = 'error') {
  const close = make('button', { type: 'button', className: 'quiet', 'aria-label': 'Close notice' }, '×');
  const notice = make('div', { className: `notice ${kind}`, role: kind === 'error' ? 'alert' : 'status' }, make('p', {}, text), close);
  close.onclick = () => notice.remove();
  const notices = get('notices');
  for (const old of [...notices.children]) if (old.firstChild.textContent === text) old.remove();
  notices.append(notice);
  while (notices.children.length > 4) notices.firstChild.remove();
  if (kind !== 'error') setTimeout(() => notice.remove(), 5000);
}

/** Do something for the user; say so when it fails. @param {Promise<any>} doing @returns {Promise<boolean>} whether it went well */
export async function attempt(doing) {
  try {
    await doing;
    return true;
  } catch (error) {
    notify(String(error instanceof Error ? error.message : error).replace(/^!!\s*/, ''));
    return false;
  }
}

/**
 * @param {string} title @param {string} yes @param {string} no
 * @param {...(Node|string)} body @returns {Promise<boolean>} false also for Escape
 */
export function ask(title, yes, no, ...body) {
  const dialog = /** @type {HTMLDialogElement} */ (get('ask'));
  get('ask-title').textContent = title;
  get('ask-body').replaceChildren(...body);
  get('ask-yes').textContent = yes;
  get('ask-no').textContent = no;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => (dialog.onclose = () => resolve(dialog.returnValue === 'yes')));
}
