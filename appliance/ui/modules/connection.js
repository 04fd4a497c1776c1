/** JSON-RPC 2.0 over one websocket that is opened again whenever it is lost. Knows nothing of printers. */

const SILENCE = 10_000; // ms without a message before we ask whether anybody is there
const ANSWER = 30_000; // ms that an ordinary request may take

/** An answer that says no. `code` is the broker's: HTTP-like, or a JSON-RPC one; 0 when there was no answer. */
export class RpcError extends Error {
  /** @param {string} message @param {number} code */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** @param {number} attempt from 0 @returns {number} ms to wait before trying again: 0.5 s doubling up to 15 s */
export function retry_delay(attempt) {
  return Math.min(15_000, 500 * 2 ** Math.min(attempt, 10));
}

/** @typedef {{resolve: (result: any) => void, reject: (error: Error) => void, timer: any}} Waiting */

export class Connection {
  /**
   * @param {string} address ws://… @param {{
   *   opened: () => void,
   *   lost: (retry_at: number) => void,
   *   notified: (method: string, params: any[]) => void,
   * }} listener @param {(address: string) => WebSocket} connect
   */
  constructor(address, listener, connect = (address) => new WebSocket(address)) {
    this.listener = listener;
    this.connect = connect;
    this.address = address;
    this.attempt = 0;
    this.last_id = 0;
    this.heard = 0;
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    /** @type {WebSocket|null} */
    this.socket = null;
    /** @type {any} */
    this.timer = null;
  }

  /** Open the socket, now. */
  open() {
    clearTimeout(this.timer);
    if (this.socket) return;
    const socket = (this.socket = this.connect(this.address));
    socket.onopen = () => {
      this.attempt = 0;
      this.heard = Date.now();
      this.timer = setTimeout(() => this.listen_for_silence(), SILENCE / 2);
      this.listener.opened();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => this.lose();
  }

  get is_open() {
    return this.socket?.readyState === 1;
  }

  /**
   * @param {string} method @param {object} [params] @param {number} limit ms; 0 for what may take any time
   * @returns {Promise<any>} rejects with RpcError
   */
  request(method, params, limit = ANSWER) {
    const { socket } = this;
    if (!socket || !this.is_open) return Promise.reject(new RpcError('Not connected to the printer', 0));
    const id = ++this.last_id;
    return new Promise((resolve, reject) => {
      const late = () => this.settle(id, (request) => request.reject(new RpcError(`${method}: no answer`, 0)));
      this.waiting.set(id, { resolve, reject, timer: limit ? setTimeout(late, limit) : null });
      socket.send(JSON.stringify({ jsonrpc: '2.0', method, ...(params && { params }), id }));
    });
  }

  /** @param {string} text one message, or a batch of answers */
  receive(text) {
    this.heard = Date.now();
    const messages = JSON.parse(text);
    for (const message of Array.isArray(messages) ? messages : [messages]) {
      if (message.method) this.listener.notified(message.method, message.params ?? []);
      else if (message.error) {
        const error = new RpcError(message.error.message, message.error.code);
        this.settle(message.id, (request) => request.reject(error));
      } else this.settle(message.id, (request) => request.resolve(message.result));
    }
  }

  /** @param {number} id @param {(request: Waiting) => void} answer */
  settle(id, answer) {
    const request = this.waiting.get(id);
    if (!request) return;
    this.waiting.delete(id);
    clearTimeout(request.timer);
    answer(request);
  }

  /** A cable that was pulled closes nothing: ask when it has been silent, give up when no answer comes. */
  listen_for_silence() {
    const silent = Date.now() - this.heard;
    if (silent > 2 * SILENCE) return this.lose();
    if (silent > SILENCE) this.request('server.info').catch(() => {});
    this.timer = setTimeout(() => this.listen_for_silence(), SILENCE / 2);
  }

  lose() {
    const { socket } = this;
    if (!socket) return;
    this.socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    clearTimeout(this.timer);
    const delay = retry_delay(this.attempt++);
    this.timer = setTimeout(() => this.open(), delay);
    for (const id of [...this.waiting.keys()])
      this.settle(id, (request) => request.reject(new RpcError('The connection was lost', 0)));
    this.listener.lost(Date.now() + delay);
  }
}
