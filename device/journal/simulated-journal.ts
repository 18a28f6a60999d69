import { messageOf } from '../kit/errors.js';
import { checkFrameId } from './frame-file.js';
import type { FrameLimits } from './frames.js';
import {
  type Journal,
  type JournalCounters,
  JournalError,
  type PendingEvent,
  type UnfinishedRow,
} from './journal.js';

export interface SimulatedJournalOptions extends Partial<FrameLimits> {
  /** Results of the next calls of `begin` and `finish`; later calls succeed. `hang` never settles. */
  readonly script?: readonly ('ok' | 'fail' | 'hang')[];
  /** The previous run, closed or interrupted. Its rows, numbers, outbox and frames are copied. */
  readonly earlier?: SimulatedJournal;
}

interface Row {
  body: object;
  seq: number | null;
  readonly ofThisRun: boolean;
}

/** A journal in memory. It keeps every event, so it is only for tests and for runs over a known number of images. */
export class SimulatedJournal implements Journal {
  readonly #rows = new Map<string, Row>();
  readonly #outbox = new Map<number, PendingEvent>();
  readonly #frameSizes = new Map<string, number>();
  readonly #script: ('ok' | 'fail' | 'hang')[];
  readonly #maxFrames: number;
  readonly #maxFrameBytes: number;
  #lastSeq = 0;
  #closed = false;

  constructor(options: SimulatedJournalOptions = {}) {
    this.#script = [...(options.script ?? [])];
    this.#maxFrames = options.maxFrames ?? Number.POSITIVE_INFINITY;
    this.#maxFrameBytes = options.maxFrameBytes ?? Number.POSITIVE_INFINITY;
    const { earlier } = options;
    if (!earlier) return;
    for (const [id, { body, seq }] of earlier.#rows) this.#rows.set(id, { body, seq, ofThisRun: false });
    for (const [seq, event] of earlier.#outbox) this.#outbox.set(seq, event);
    for (const [id, size] of earlier.#frameSizes) this.#frameSizes.set(id, size);
    this.#lastSeq = earlier.#lastSeq;
  }

  /** Returns the finished events, sorted by number and including `seq`. */
  events(): readonly object[] {
    return this.#finished()
      .sort((a, b) => Number(a.seq) - Number(b.seq))
      .map(({ body }) => structuredClone(body));
  }

  async unfinished(): Promise<readonly UnfinishedRow[]> {
    this.#checkOpen('unfinished');
    return [...this.#rows]
      .filter(([, { seq, ofThisRun }]) => seq === null && !ofThisRun)
      .map(([id, { body }]) => ({ id, body: structuredClone(body) }));
  }

  async begin(id: string, body: object): Promise<void> {
    const copy = copyOf(body);
    await this.#runScript('begin');
    const row = this.#openRow(id);
    row.body = copy;
    this.#rows.set(id, row);
  }

  async finish(id: string, body: object): Promise<number> {
    const copy = copyOf(body);
    await this.#runScript('finish');
    const row = this.#openRow(id);
    const seq = this.#lastSeq + 1;
    row.body = { ...copy, seq };
    row.seq = seq;
    this.#rows.set(id, row);
    this.#lastSeq = seq;
    this.#outbox.set(seq, { seq, id, json: JSON.stringify(row.body) });
    return seq;
  }

  async keepFrame(frameId: string, bytes: Uint8Array): Promise<void> {
    this.#checkOpen('keepFrame');
    checkFrameId(frameId);
    if (this.#maxFrames < 1 || bytes.length > this.#maxFrameBytes) return;
    this.#frameSizes.delete(frameId);
    this.#frameSizes.set(frameId, bytes.length);
    for (const oldest of this.#frameSizes.keys()) {
      if (this.#frameSizes.size <= this.#maxFrames && this.#frameBytes() <= this.#maxFrameBytes) break;
      this.#frameSizes.delete(oldest);
    }
  }

  async pending(afterSeq: number, limit: number): Promise<readonly PendingEvent[]> {
    this.#checkOpen('pending');
    return [...this.#outbox.values()].filter(({ seq }) => seq > afterSeq).slice(0, Math.max(0, limit));
  }

  async acknowledge(seqs: readonly number[]): Promise<void> {
    this.#checkOpen('acknowledge');
    for (const seq of seqs) this.#outbox.delete(seq);
  }

  async counters(): Promise<JournalCounters> {
    this.#checkOpen('counters');
    return {
      events: this.#finished().length,
      pending: this.#outbox.size,
      dropped: 0,
      frames: this.#frameSizes.size,
      frameBytes: this.#frameBytes(),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #runScript(method: string): Promise<void> {
    this.#checkOpen(method);
    const step = this.#script.shift() ?? 'ok';
    if (step === 'hang') await new Promise<never>(() => {});
    if (step === 'fail') throw new JournalError('journal-failed', `${method}: scripted failure`);
  }

  #checkOpen(method: string): void {
    if (this.#closed) throw new JournalError('journal-closed', `${method}: the journal is closed`);
  }

  #openRow(id: string): Row {
    const found = this.#rows.get(id);
    if (found && found.seq !== null) {
      throw new JournalError('already-finished', `row ${id}: already finished as event ${found.seq}`);
    }
    return found ?? { body: {}, seq: null, ofThisRun: true };
  }

  #finished(): Row[] {
    return [...this.#rows.values()].filter(({ seq }) => seq !== null);
  }

  #frameBytes(): number {
    return [...this.#frameSizes.values()].reduce((total, size) => total + size, 0);
  }
}

/** Returns a copy of the body at the time of the call, as it would be read from disk. */
const copyOf = (body: object): object => {
  try {
    return JSON.parse(JSON.stringify(body)) as object;
  } catch (error) {
    throw new JournalError('journal-failed', `body: cannot be converted to JSON (${messageOf(error)})`, {
      cause: error,
    });
  }
};
