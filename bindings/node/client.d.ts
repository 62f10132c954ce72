import type { Verdict } from './generated.js';

/** What every call takes. */
export interface CallOptions {
  /** Cancels the call: the command in the guest is killed, the migration is called off. */
  signal?: AbortSignal;
}

/** What every error of virt-test has. */
export class CallError extends Error {
  /** Its name on the wire, such as org.virt-test.error.NotFound. */
  code: string;
  /** What may mend it. */
  hint?: string;
  /** The machine, file or other thing it is about. */
  where?: string;
  /** What a test that knows nothing better ends with. */
  verdict: Verdict;
  /** The last that was heard of guest, firmware, monitor and QEMU. */
  last_words?: string;
  /** What errors of its kind have beyond that. */
  details: object;
}

export class Caller {}
