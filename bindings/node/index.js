// Tests of virtual machines in JavaScript and TypeScript.

import { setMaxListeners } from 'node:events';
import process from 'node:process';

import { CallError, Client } from './client.js';
import { ERRORS, SessionMethods, TestMethods, VmMethods } from './generated.js';

export { CallError };
export {
  EndedError,
  GuestFailedError,
  HostFailedError,
  InvalidError,
  JobFailedError,
  MigrationFailedError,
  MonitorFailedError,
  NotFoundError,
  PlugFailedError,
  StartFailedError,
  TimedOutError,
  UnsupportedError,
  UnwellError,
} from './generated.js';

/** Ends a test with a verdict other than PASS. */
export class Stop extends Error {
  constructor(verdict, reason) {
    super(reason);
    this.verdict = verdict;
  }
}

/** Ends a test that cannot be done here. */
export function skip(reason) {
  throw new Stop('skip', reason);
}

/** Ends a test that found something wrong. */
export function fail(reason) {
  throw new Stop('fail', reason);
}

/** A command that runs, as an iterable of its output. */
class Running {
  /** How it ended, once all output has been read. */
  output;
  #replies;

  constructor(replies) {
    this.#replies = replies;
  }

  async *[Symbol.asyncIterator]() {
    for await (const { reply } of this.#replies) {
      if (reply.chunk) yield reply.chunk;
      if (reply.output) this.output = reply.output;
    }
  }
}

function commandLine(command) {
  return Array.isArray(command) ? { argv: command } : { command };
}

async function last(replies, each) {
  for await (const { reply, continues } of replies) {
    if (!continues) return reply;
    each?.(reply);
  }
  return {};
}

async function execute(caller, command, options) {
  const replies = caller.rawExec({ ...options, ...commandLine(command), more: false });
  return (await last(replies)).output;
}

/** A session in a guest. */
export class Session extends SessionMethods {
  constructor(client, id) {
    super(client);
    this.id = id;
  }

  exec(command, options) {
    return execute(this, command, options);
  }

  execStream(command, options) {
    return new Running(this.rawExec({ ...options, ...commandLine(command) }));
  }
}

/** A machine. */
export class Vm extends VmMethods {
  constructor(client, name) {
    super(client);
    this.name = name;
  }

  async session(options) {
    return new Session(this.client, (await this.rawOpen(options)).id);
  }

  exec(command, options) {
    return execute(this, command, options);
  }

  execStream(command, options) {
    return new Running(this.rawExec({ ...options, ...commandLine(command) }));
  }

  async console(options) {
    return (await last(this.rawConsole({ ...options, more: false }))).text;
  }

  async *followConsole(options) {
    for await (const { reply } of this.rawConsole(options)) {
      if (reply.text) yield reply.text;
    }
  }

  async events(options) {
    return (await last(this.rawEvents({ ...options, more: false }))).events;
  }

  async *watchEvents(options) {
    for await (const { reply } of this.rawEvents(options)) {
      if (reply.event) yield reply.event;
      yield* reply.events ?? [];
    }
  }

  async migrate(options, progress) {
    const replies = this.rawMigrate({ ...options, more: progress !== undefined });
    const { figures, standstill } = await last(replies, (reply) => reply.progress && progress(reply.progress));
    return { figures, standstill: standstill ?? undefined };
  }

  async qmp(command, commandArguments, options) {
    return (await this.rawQmp(command, { ...options, arguments: commandArguments })).return;
  }

  async agent(command, commandArguments, options) {
    return (await this.rawAgent(command, { ...options, arguments: commandArguments })).return;
  }
}

/** The test that runs, or the session of `virt-test serve`. */
export class Test extends TestMethods {
  get signal() {
    return this.client.signal;
  }

  vm(name) {
    return new Vm(this.client, name);
  }

  async mainVm() {
    const { main_vm: name } = await this.info();
    if (!name) throw new Stop('error', 'the configuration has no machine (hint: set vms and main_vm)');
    return this.vm(name);
  }

  skip(reason, options) {
    return this.rawSkip(reason, options);
  }

  fail(reason, options) {
    return this.rawFail(reason, options);
  }

  error(reason, options) {
    return this.rawError(reason, options);
  }

  /** Does a part of the test and reports how that went, and whether it passed. */
  async run(name, part) {
    let failure;
    try {
      await part();
    } catch (error) {
      failure = error ?? new Error('something was thrown that says nothing');
    }
    const { verdict, reason } = judge(failure);
    await this.subtest(name, verdict, { reason });
    return failure === undefined;
  }

  close() {
    this.client.close();
  }
}

/** The verdict that an error stands for. */
function judge(error) {
  if (error === undefined) return { verdict: 'pass' };
  const verdict = error instanceof Stop || error instanceof CallError ? error.verdict : 'fail';
  const hint = error.hint ? ` (hint: ${error.hint})` : '';
  return { verdict, reason: `${error.message ?? error}${hint}` };
}

/** Connects to virt-test: where the environment says, or to `socket`. */
export async function connect({ socket = process.env.VIRT_TEST_SOCKET, signal } = {}) {
  if (!socket) {
    throw new Error(
      'VIRT_TEST_SOCKET is not set: run this as a test of virt-test, or in a session of `virt-test serve`',
    );
  }
  const client = new Client(socket.replace(/^unix:/, ''));
  client.errors = ERRORS;
  client.signal = signal;
  client.giveBack(await client.take());
  return new Test(client);
}

async function conclude(test, error) {
  const { verdict, reason } = judge(error);
  if (verdict === 'pass' || verdict === 'warn') return 0;
  console.error(`${verdict}: ${reason}`);
  if (error instanceof CallError) {
    if (error.last_words) console.error(error.last_words);
  } else if (!(error instanceof Stop) && error.stack) {
    console.error(error.stack);
  }
  try {
    await test[verdict](reason, { signal: AbortSignal.timeout(10_000) });
  } catch (untold) {
    console.error(untold.message);
    return 1;
  }
  return verdict === 'skip' ? 0 : 1;
}

/** A whole test: connects, runs `body`, and sets the status the program exits with. What `body` throws is the verdict. */
export async function main(body) {
  const interrupted = new AbortController();
  // Every call listens, and there may be many at once.
  setMaxListeners(0, interrupted.signal);
  const interrupt = (name) => interrupted.abort(new Error(`the test was ended by ${name}`));
  process.once('SIGTERM', interrupt);
  process.once('SIGINT', interrupt);
  let test;
  let error;
  try {
    test = await connect({ signal: interrupted.signal });
    await body(test);
  } catch (thrown) {
    error = thrown ?? new Error('something was thrown that says nothing');
  }
  if (test) {
    process.exitCode = await conclude(test, error);
    test.close();
  } else {
    console.error(error.message);
    process.exitCode = 1;
  }
  process.off('SIGTERM', interrupt);
  process.off('SIGINT', interrupt);
}
