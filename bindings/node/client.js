// The wire: messages of JSON that end with NUL, over a Unix socket.

import { Buffer } from 'node:buffer';
import { createConnection } from 'node:net';

const LONGEST = 16 << 20;

/** What every error of virt-test has. Its members are those of the interface; further ones of its kind are in `details`. */
export class CallError extends Error {
  constructor(code, parameters = {}) {
    const { message, hint, where, verdict = 'error', last_words, ...details } = parameters;
    super(message || `${code} ${JSON.stringify(parameters)}`);
    this.code = code;
    this.hint = hint ?? undefined;
    this.where = where ?? undefined;
    this.verdict = verdict;
    this.last_words = last_words ?? undefined;
    this.details = details;
  }

  get name() {
    return this.constructor.name;
  }
}

/** One connection, which carries one call at a time. */
class Connection {
  #socket;
  #pieces = [];
  #size = 0;
  #messages = [];
  #waiting;
  #failure;

  static open(path) {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      const refused = (cause) =>
        reject(new Error(`virt-test does not answer at ${path} (is it still running?): ${cause.message}`, { cause }));
      socket.once('error', refused);
      socket.once('connect', () => {
        socket.off('error', refused);
        resolve(new Connection(socket));
      });
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (data) => this.#take(data));
    socket.on('error', (cause) => this.#fail(new Error(`virt-test has hung up: ${cause.message}`, { cause })));
    socket.on('close', () => this.#fail(new Error('virt-test has hung up')));
  }

  get usable() {
    return !this.#failure;
  }

  #take(data) {
    let end;
    while ((end = data.indexOf(0)) >= 0) {
      this.#pieces.push(data.subarray(0, end));
      data = data.subarray(end + 1);
      this.#messages.push(Buffer.concat(this.#pieces).toString());
      this.#pieces = [];
      this.#size = 0;
    }
    this.#pieces.push(data);
    this.#size += data.length;
    if (this.#size > LONGEST) {
      this.#fail(new Error('virt-test answers more than 16 MiB'));
    }
    // Who reads slowly makes virt-test wait, rather than fill our memory.
    if (this.#messages.length > 0 && !this.#waiting) {
      this.#socket.pause();
    }
    this.#waiting?.();
  }

  #fail(error) {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#waiting?.();
  }

  send(message) {
    this.#socket.ref();
    this.#socket.write(`${JSON.stringify(message)}\0`);
  }

  async receive() {
    while (this.#messages.length === 0) {
      if (this.#failure) throw this.#failure;
      this.#socket.resume();
      await new Promise((resolve) => {
        this.#waiting = resolve;
      });
      this.#waiting = undefined;
    }
    return JSON.parse(this.#messages.shift());
  }

  /** Nothing is under way on it: the program may end. */
  rest() {
    this.#socket.resume();
    this.#socket.unref();
  }

  close() {
    this.#fail(new Error('the connection has been closed'));
  }
}

/** Keeps connections: as many as there are calls at once. */
export class Client {
  #path;
  #idle = [];
  #closed = false;

  /** Error classes by name on the wire. */
  errors = {};
  /** Ends every call that has no signal of its own. */
  signal;

  constructor(path) {
    this.#path = path;
  }

  async take() {
    if (this.#closed) throw new Error('the test has been closed');
    let connection;
    do {
      connection = this.#idle.pop();
    } while (connection && !connection.usable);
    return connection ?? Connection.open(this.#path);
  }

  giveBack(connection) {
    if (this.#closed) {
      connection.close();
    } else {
      connection.rest();
      this.#idle.push(connection);
    }
  }

  close() {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Makes a call. Who stops reading its replies before the last hangs up, by which virt-test cancels the call. */
  async *talk(method, parameters, { more = false, signal = this.signal } = {}) {
    signal?.throwIfAborted();
    const connection = await this.take();
    const abort = () => connection.close();
    signal?.addEventListener('abort', abort, { once: true });
    let over = false;
    try {
      connection.send({ method, parameters, more });
      while (!over) {
        const { parameters: reply = {}, continues = false, error } = await connection.receive();
        over = !continues || error !== undefined;
        if (error) throw new (this.errors[error] ?? CallError)(error, reply);
        yield { reply, continues };
      }
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', abort);
      // One that was aborted is closed already.
      if (over && !signal?.aborted) {
        this.giveBack(connection);
      } else {
        connection.close();
      }
    }
  }
}

/** What makes calls. */
export class Caller {
  constructor(client) {
    Object.defineProperty(this, 'client', { value: client });
  }

  async call(method, required, options = {}, only = undefined) {
    const { signal, ...optional } = options;
    for await (const { reply } of this.client.talk(method, { ...optional, ...required }, { signal })) {
      return only === undefined ? reply : (reply[only] ?? undefined);
    }
    throw new Error(`${method}: no reply`);
  }

  stream(method, required, options = {}) {
    const { signal, more = true, ...optional } = options;
    return this.client.talk(method, { ...optional, ...required }, { signal, more });
  }
}
