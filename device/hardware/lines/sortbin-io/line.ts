import type { Fault } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';
import type { Reply } from './process.js';
import type { IoEvent } from './protocol.js';

/** A line that sortbin-io holds for us, and is to hold again whenever it was lost. */
export interface IoLine {
  readonly name: string;
  readonly kind: 'input' | 'output' | 'pwm';
  /** The command that requests it. */
  readonly request: string;
  /** Where it is, in words. */
  readonly where: string;
  /** Why it cannot be used at this moment. */
  fault: Fault<LineFault> | null;
  /** It is held from now on. */
  taken(): Promise<void>;
  hear(event: IoEvent): void;
  /** It went: with its chip, or with all of sortbin-io. */
  lost(reason: 'gone' | 'down'): void;
  /** It has been told to go off; resolves when it is. */
  goOff(): Promise<void>;
}

/** What a line may ask of the one that holds it. */
export interface IoHolder {
  readonly answerMs: number;
  /** Why nothing can be asked at this moment. */
  readonly fault: Fault<LineFault> | null;
  ask(words: string): Promise<Reply>;
  /** The fault behind what it answered; a line that turns out to be gone is lost. */
  refusal(line: IoLine, reply: Reply & { readonly ok: false }): Fault<LineFault>;
  /** The output is on: its lease is renewed until the returned function is called. */
  renewing(line: IoLine): () => void;
  /** It does not do what it must: it is killed. */
  distrust(what: string): void;
}
