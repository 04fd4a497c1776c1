/** The page's one picture of the printer. Views read it; only the session writes it. */

/**
 * @typedef {Record<string, Record<string, any>>} Status fields of the printer's objects, by the objects' names
 * @typedef {object} State
 * @property {'connecting'|'open'|'waiting'} link to the broker
 * @property {number} retry_at ms since the epoch, while waiting
 * @property {{state: string, message: string, name: string}} host the motion host's named state
 * @property {Status} status
 * @property {import('./place.js').Entry[]} printers of the broker
 */

/**
 * Apply a notify_status_update: the fields that it names are replaced, all else stays.
 * @param {Status} status @param {Status} update @returns {Status} a new object; untouched objects are shared
 */
export function merge_status(status, update) {
  const merged = { ...status };
  for (const [name, fields] of Object.entries(update)) merged[name] = { ...merged[name], ...fields };
  return merged;
}

/** Holds the state and tells watchers of changes, at most once a frame. */
export class Store {
  /** @param {(run: () => void) => void} later when to tell the watchers */
  constructor(later = (run) => requestAnimationFrame(run)) {
    /** @type {State} */
    this.state = { link: 'connecting', retry_at: 0, host: { state: 'unknown', message: '', name: '' }, status: {}, printers: [] };
    this.later = later;
    this.pending = false;
    this.watchers = [];
  }

  /** @param {(state: State) => void} watcher called now and after changes */
  watch(watcher) {
    this.watchers.push(watcher);
    watcher(this.state);
  }

  /** @param {Partial<State>} change */
  change(change) {
    this.state = { ...this.state, ...change };
    if (!this.pending) this.later(() => this.tell());
    this.pending = true;
  }

  tell() {
    this.pending = false;
    for (const watcher of this.watchers) watcher(this.state);
  }

  /** @param {Partial<State['host']>} host */
  change_host(host) {
    this.change({ host: { ...this.state.host, ...host } });
  }

  /** @param {Status} update */
  merge(update) {
    this.change({ status: merge_status(this.state.status, update) });
    const { state, state_message } = this.state.status.webhooks ?? {};
    if (update.webhooks) this.change_host({ state, message: state_message });
  }
}

/** @param {State} state @returns {boolean} whether the printer takes commands */
export function is_ready(state) {
  return state.link === 'open' && state.host.state === 'ready';
}

/** @param {State} state @returns {boolean} whether a file is being printed or paused */
export function has_job(state) {
  return ['printing', 'paused'].includes(state.status.print_stats?.state);
}
