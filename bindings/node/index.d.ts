import type { CallOptions } from './client.js';
import type {
  AgentOptions,
  Chunk,
  ConsoleOptions,
  Event,
  EventsOptions,
  ExecOptions,
  Figures,
  MigrateOptions,
  OpenOptions,
  Output,
  QmpOptions,
} from './generated.js';
import { SessionMethods, TestMethods, VmMethods } from './generated.js';

export type { CallOptions } from './client.js';
export * from './generated.js';
export { CallError } from './client.js';

/** Ends a test with a verdict other than PASS. */
export class Stop extends Error {
  constructor(verdict: 'skip' | 'fail' | 'error', reason: string);
  verdict: 'skip' | 'fail' | 'error';
}

/** Ends a test that cannot be done here. */
export function skip(reason: string): never;

/** Ends a test that found something wrong. */
export function fail(reason: string): never;

/** A line of shell, or a program with its arguments. */
export type CommandLine = string | string[];

type ExecutionOptions = Omit<ExecOptions, 'command' | 'argv'>;

/** A command that runs. Leaving the loop over its output early kills it. */
export interface Running extends AsyncIterable<Chunk> {
  /** How it ended, once all output has been read. It does not repeat that. */
  output?: Output;
}

/** A session in a guest. It ends with its machine, with `close`, and with the test. */
export class Session extends SessionMethods {
  readonly id: string;
  /** Runs a command in the guest. A status other than 0 is no error. */
  exec(command: CommandLine, options?: ExecutionOptions): Promise<Output>;
  /** Runs a command in the guest, and gives its output as it comes. */
  execStream(command: CommandLine, options?: ExecutionOptions): Running;
}

/** How a migration went. */
export interface Migrated {
  figures: Figures;
  /** For how many seconds the guest's CPUs stood still. */
  standstill?: number;
}

/** A machine. */
export class Vm extends VmMethods {
  /** Its name in the configuration. */
  readonly name: string;
  /** Logs in to the guest; waits for a boot in progress. `exec` does that by itself. */
  session(options?: OpenOptions): Promise<Session>;
  /** Runs a command in the guest. A status other than 0 is no error. */
  exec(command: CommandLine, options?: ExecutionOptions): Promise<Output>;
  /** Runs a command in the guest, and gives its output as it comes. */
  execStream(command: CommandLine, options?: ExecutionOptions): Running;
  /** What a console has said so far. */
  console(options?: ConsoleOptions): Promise<string>;
  /** What a console has said and will say, until the machine ends. */
  followConsole(options?: ConsoleOptions): AsyncGenerator<string, void>;
  /** The events there have been. */
  events(options?: EventsOptions): Promise<Event[]>;
  /** The events there have been and those to come, until the machine ends. */
  watchEvents(options?: EventsOptions): AsyncGenerator<Event, void>;
  /** Moves the machine to another QEMU on this host; `progress` is called with figures meanwhile. */
  migrate(options?: MigrateOptions, progress?: (figures: Figures) => void): Promise<Migrated>;
  /** A command of QEMU's monitor, and what it returns. */
  qmp(command: string, commandArguments?: object, options?: Omit<QmpOptions, 'arguments'>): Promise<any>;
  /** A command of the guest's agent, and what it returns. */
  agent(command: string, commandArguments?: object, options?: Omit<AgentOptions, 'arguments'>): Promise<any>;
}

/** The test that runs, or the session of `virt-test serve`. */
export class Test extends TestMethods {
  /** Aborted when the test is out of time or interrupted; ends every call that has no signal of its own. */
  readonly signal?: AbortSignal;
  /** The machine of a name. Nothing is asked of virt-test yet. */
  vm(name: string): Vm;
  /** The machine that a test with one machine uses. */
  mainVm(): Promise<Vm>;
  /** Sets the verdict SKIP; the program should then end. The first verdict counts. */
  skip(reason: string, options?: CallOptions): Promise<void>;
  /** Sets the verdict FAIL; the program should then end. */
  fail(reason: string, options?: CallOptions): Promise<void>;
  /** Sets the verdict ERROR; the program should then end. */
  error(reason: string, options?: CallOptions): Promise<void>;
  /** Does a part of the test and reports how that went, and whether it passed. If it failed, so will the test in the end. */
  run(name: string, part: () => Promise<void> | void): Promise<boolean>;
  /** Hangs up. Machines and sessions stay as they are. */
  close(): void;
}

/** Connects to virt-test: where the environment says, or to `socket`. */
export function connect(options?: { socket?: string; signal?: AbortSignal }): Promise<Test>;

/**
 * A whole test: connects, runs `body`, and sets the status the program exits with. What `body` throws is the verdict: that of `skip` and
 * `fail`, that which virt-test gave the error, or FAIL.
 */
export function main(body: (test: Test) => Promise<void>): Promise<void>;
