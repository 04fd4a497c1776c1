/** The page's one picture of the printer. Views read it; only the session writes it. */

/**
 * @typedef {{state: string, message: string, name: string, version: string}} Host the motion host's named state
 * @typedef {{phase: 'connecting'|'open'|'waiting', retry_at: number}} Link `retry_at` in ms since the epoch
 * @typedef {Record<string, Record<string, any>>} Status fields of the printer's objects, by object name
 * @typedef {{link: Link, host: Host, status: Status}} State
 */

/** @returns {State} */
export function first_state() {
  return {
    link: { phase: 'connecting', retry_at: 0 },
    host: { state: 'unknown', message: '', name: '', version: '' },
    status: {},
  };
}

/**
 * Apply a notify_status_update: fields that it names are replaced, all else stays.
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
  constructor(later = (run) => void requestAnimationFrame(run)) {
    this.state = first_state();
    this.later = later;
    this.pending = false;
    /** @type {((state: State) => void)[]} */
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
    if (this.pending) return;
    this.pending = true;
    this.later(() => {
      this.pending = false;
      for (const watcher of this.watchers) watcher(this.state);
    });
  }

  /** @param {Partial<Host>} host */
  change_host(host) {
    this.change({ host: { ...this.state.host, ...host } });
  }

  /** @param {Status} update */
  merge(update) {
    this.change({ status: merge_status(this.state.status, update) });
    const { state, state_message: message } = update.webhooks ?? {};
    if (state !== undefined) this.change_host({ state });
    if (message !== undefined) this.change_host({ message });
  }
}

/** @param {State} state @returns {boolean} whether the printer takes commands */
export function is_ready(state) {
  return state.link.phase === 'open' && state.host.state === 'ready';
}

/** @param {State} state @returns {boolean} whether a file is being printed or paused */
export function has_job(state) {
  return ['printing', 'paused'].includes(state.status.print_stats?.state);
}
