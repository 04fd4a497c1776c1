/** JSON-RPC 2.0 over one websocket that is opened again whenever it is lost. Knows nothing of printers. */

const SILENCE = 10_000; // ms without a message after which we ask whether anybody is there
const ANSWER = 30_000; // ms that an ordinary request may take

/** An answer that says no. `code` is the broker's, or 0 when there was no answer. */
export class RpcError extends Error {
  /** @param {string} message @param {number} code */
  constructor(message, code = 0) {
    super(message);
    this.code = code;
  }
}

/** @param {number} attempt from 0 @returns {number} ms to wait: half a second, doubling up to 15 s */
export function retry_delay(attempt) {
  return Math.min(15_000, 500 * 2 ** attempt);
}

export class Connection {
  /**
   * @param {string} address ws://…
   * @param {{opened(): void, lost(retry_at: number): void, notified(method: string, params: any[]): void}} listener
   * @param {(address: string) => WebSocket} connect
   */
  constructor(address, listener, connect = (to) => new WebSocket(to)) {
    this.address = address;
    this.listener = listener;
    this.connect = connect;
    this.attempt = 0;
    this.last_id = 0;
    this.heard = 0; // when the last message came, ms since the epoch
    this.waiting = new Map(); // requests without an answer yet, by id
    /** @type {any} a WebSocket, or null while there is none */
    this.socket = null;
    this.timer = undefined;
  }

  open() {
    clearTimeout(this.timer);
    if (this.socket) return;
    const socket = (this.socket = this.connect(this.address));
    socket.onopen = () => {
      this.attempt = 0;
      this.heard = Date.now();
      this.mind_silence();
      this.listener.opened();
    };
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = () => this.lose();
  }

  get is_open() {
    return this.socket?.readyState === 1;
  }

  /**
   * @param {string} method @param {object} params @param {number} limit ms; 0 for what may take any time
   * @returns {Promise<any>} rejects with RpcError
   */
  request(method, params = {}, limit = ANSWER) {
    if (!this.is_open) return Promise.reject(new RpcError('Not connected to the printer'));
    const id = ++this.last_id;
    this.socket.send(JSON.stringify({ jsonrpc: '2.0', method, params, id }));
    return new Promise((resolve, reject) => {
      const late = () => this.settle({ id, error: { message: `${method}: no answer` } });
      this.waiting.set(id, { resolve, reject, timer: limit && setTimeout(late, limit) });
    });
  }

  receive(message) {
    this.heard = Date.now();
    if (Array.isArray(message)) message.forEach((one) => this.receive(one));
    else if (message.method) this.listener.notified(message.method, message.params ?? []);
    else this.settle(message);
  }

  /** @param {{id: number, error?: any, result?: any}} answer */
  settle({ id, error, result }) {
    const request = this.waiting.get(id);
    if (!this.waiting.delete(id)) return;
    clearTimeout(request.timer);
    if (error) request.reject(new RpcError(error.message, error.code));
    else request.resolve(result);
  }

  /** A cable that was pulled closes nothing: ask after a silence, give up when that stays without answer. */
  mind_silence() {
    const silent = Date.now() - this.heard;
    if (silent > 2 * SILENCE) return this.lose();
    if (silent > SILENCE) this.request('server.info').catch(() => {});
    this.timer = setTimeout(() => this.mind_silence(), SILENCE / 2);
  }

  lose() {
    const { socket } = this;
    socket.onopen = socket.onmessage = socket.onclose = this.socket = null;
    socket.close();
    clearTimeout(this.timer);
    const delay = retry_delay(this.attempt++);
    this.timer = setTimeout(() => this.open(), delay);
    for (const id of this.waiting.keys()) this.settle({ id, error: { message: 'The connection was lost' } });
    this.listener.lost(Date.now() + delay);
  }
}
