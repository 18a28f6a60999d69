import type { Fault } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';
import type { Reply } from './process.js';
import type { IoEvent } from './protocol.js';

/** A line that sortbin-io holds for the daemon. It is requested again each time it was lost. */
export interface IoLine {
  readonly name: string;
  readonly kind: 'input' | 'output' | 'pwm';
  /** The command that requests the line. */
  readonly requestCommand: string;
  /** Chip and offset, name, or path of the line, for messages. */
  readonly place: string;
  /** Why the line cannot be used now. */
  fault: Fault<LineFault> | null;
  /** Called when sortbin-io holds the line. */
  onRequested(): Promise<void>;
  handle(event: IoEvent): void;
  /** Called when the line is lost: its chip was unplugged (`gone`) or sortbin-io ended (`down`). */
  onLost(reason: 'gone' | 'down'): void;
  /** Resolves when the line is off. Call it after the command that turns the line off. */
  untilOff(): Promise<void>;
}

/** What a line uses of the sortbin-io process. */
export interface IoConnection {
  readonly answerMs: number;
  /** Why sortbin-io cannot be used now. */
  readonly fault: Fault<LineFault> | null;
  send(command: string): Promise<Reply>;
  /** Returns the fault for an error reply. Marks the line as lost if its chip is gone. */
  toFault(line: IoLine, reply: Reply & { readonly ok: false }): Fault<LineFault>;
  /** Renews the lease of an output that is on. Returns a function that stops the renewal. */
  startRenewing(line: IoLine): () => void;
  /** Kills a sortbin-io that violates the protocol. `reason` is a verb phrase. */
  killProcess(reason: string): void;
}
