import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { FrameFormat } from '../hardware/camera/camera.js';
import { messageOf } from '../kit/errors.js';
import { type HealthListener, HealthReporter } from '../kit/health.js';
import {
  alreadyEnded,
  recordOf,
  tooManyCommands,
  transactionReused,
  unknownTransaction,
} from './commands.js';
import { checkFrameId } from './frame-file.js';
import type { FrameLimits } from './frames.js';
import {
  type CommandRecord,
  type EventKey,
  type EventSelection,
  type Journal,
  type JournalCounters,
  JournalError,
  type JournalErrorCode,
  type Label,
  MAX_COMMANDS,
  MAX_LABELS,
  type PendingEvent,
  type TotalsChange,
  type UndeliverableEvent,
  type UnfinishedRow,
} from './journal.js';
import { unknownEvent } from './labels.js';
import { SimulatedOutbox } from './simulated-outbox.js';

export interface SimulatedJournalOptions extends Partial<FrameLimits> {
  /** Results of the next calls of `begin` and `finish`; later calls succeed. `hang` never settles. */
  readonly script?: readonly Step[];
  /** The previous run, closed or interrupted. Its epoch and everything that it stored are copied. */
  readonly earlier?: SimulatedJournal;
}

type Step = 'ok' | 'fail' | 'full' | 'hang';

interface Row {
  body: object;
  seq: number | null;
  readonly labels: Label[];
  readonly ofThisRun: boolean;
}

interface Command {
  readonly command: string;
  readonly request: object;
  answer: object | undefined;
  readonly ofThisRun: boolean;
}

/** A journal in memory. It keeps every event, so it is only for tests and for runs over a known number of images. */
export class SimulatedJournal implements Journal {
  readonly epoch: string;
  readonly setAside = new HealthReporter<'journal-set-aside'>();
  readonly #health = new HealthReporter<JournalErrorCode>();
  readonly #rows = new Map<string, Row>();
  readonly #commands = new Map<string, Command>();
  readonly #states = new Map<string, string>();
  readonly #totals = new Map<string, number>();
  readonly #outbox: SimulatedOutbox;
  readonly #frameSizes = new Map<string, number>();
  readonly #script: Step[];
  readonly #maxFrames: number;
  readonly #maxFrameBytes: number;
  #lastSeq = 0;
  #unrecorded = 0;
  #dropped = 0;
  #closed = false;

  constructor(options: SimulatedJournalOptions = {}) {
    this.#script = [...(options.script ?? [])];
    this.#maxFrames = options.maxFrames ?? Number.POSITIVE_INFINITY;
    this.#maxFrameBytes = options.maxFrameBytes ?? Number.POSITIVE_INFINITY;
    const { earlier } = options;
    this.epoch = earlier?.epoch ?? randomUUID();
    this.#outbox = new SimulatedOutbox(this.epoch, earlier ? earlier.#outbox : undefined);
    if (!earlier) return;
    for (const [id, row] of earlier.#rows) {
      this.#rows.set(id, { ...row, labels: [...row.labels], ofThisRun: false });
    }
    for (const [id, command] of earlier.#commands) this.#commands.set(id, { ...command, ofThisRun: false });
    for (const [id, size] of earlier.#frameSizes) this.#frameSizes.set(id, size);
    for (const [name, state] of earlier.#states) this.#states.set(name, state);
    for (const [name, value] of earlier.#totals) this.#totals.set(name, value);
    this.#lastSeq = earlier.#lastSeq;
    this.#unrecorded = earlier.#unrecorded;
    this.#dropped = earlier.#dropped;
  }

  /** Returns the finished events, sorted by number and including `epoch` and `seq`. */
  events(): readonly object[] {
    return this.#finished()
      .sort((a, b) => Number(a.seq) - Number(b.seq))
      .map(({ body }) => structuredClone(body));
  }

  onHealth(listener: HealthListener<JournalErrorCode>): void {
    this.#health.onHealth(listener);
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
    const row = this.#rowOf(id);
    if (row.seq !== null) throw alreadyFinished(id, row.seq);
    row.body = copy;
    this.#rows.set(id, row);
  }

  async finish(id: string, body: object, totals?: TotalsChange): Promise<EventKey> {
    const copy = copyOf(body);
    await this.#runScript('finish');
    const row = this.#rowOf(id);
    const seq = row.seq ?? this.#lastSeq + 1;
    const key = { epoch: this.epoch, seq };
    const event = { ...copy, ...key };
    if (row.seq !== null) {
      if (!isDeepStrictEqual(row.body, event)) throw alreadyFinished(id, seq);
      return key;
    }
    row.body = event;
    row.seq = seq;
    this.#rows.set(id, row);
    this.#lastSeq = seq;
    for (const [name, value] of Object.entries(totals?.add ?? {}))
      this.#totals.set(name, (this.#totals.get(name) ?? 0) + value);
    for (const [name, value] of Object.entries(totals?.set ?? {})) this.#totals.set(name, value);
    this.#outbox.add({ ...key, id, bin: binOf(event), json: JSON.stringify(event) });
    return key;
  }

  async totals(): Promise<Readonly<Record<string, number>>> {
    this.#checkOpen('totals');
    return Object.fromEntries(this.#totals);
  }

  async keepFrame(frameId: string, bytes: Uint8Array, _format?: FrameFormat): Promise<void> {
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

  async label(eventId: string, label: Label): Promise<void> {
    this.#checkOpen('label');
    const labels = this.#labelsOf(eventId);
    labels.push({ ...label });
    if (labels.length > MAX_LABELS) labels.shift();
  }

  async labels(eventId: string): Promise<readonly Label[]> {
    this.#checkOpen('labels');
    return [...this.#labelsOf(eventId)];
  }

  async beginCommand(transaction: string, command: string, request: object): Promise<CommandRecord> {
    this.#checkOpen('beginCommand');
    const copy = copyOf(request);
    const found = this.#commands.get(transaction);
    if (found) {
      if (found.command !== command || !isDeepStrictEqual(found.request, copy)) {
        throw transactionReused(transaction, found.command);
      }
      return recordOf(structuredClone(found.answer));
    }
    const isOpen = ({ answer, ofThisRun }: Command) => ofThisRun && answer === undefined;
    if ([...this.#commands.values()].filter(isOpen).length >= MAX_COMMANDS) throw tooManyCommands(command);
    this.#commands.set(transaction, { command, request: copy, answer: undefined, ofThisRun: true });
    const oldest = [...this.#commands].find(([, one]) => !isOpen(one));
    if (oldest && this.#commands.size > MAX_COMMANDS) this.#commands.delete(oldest[0]);
    return { state: 'begun' };
  }

  async endCommand(transaction: string, answer: object): Promise<void> {
    this.#checkOpen('endCommand');
    const copy = copyOf(answer);
    const found = this.#commands.get(transaction);
    if (!found) throw unknownTransaction(transaction);
    found.answer ??= copy;
    if (!isDeepStrictEqual(found.answer, copy)) throw alreadyEnded(transaction);
  }

  async pending(after: EventKey | null, limit: number): Promise<readonly PendingEvent[]> {
    this.#checkOpen('pending');
    return this.#outbox.pending(after, limit);
  }

  async acknowledge(events: readonly EventKey[]): Promise<void> {
    this.#checkOpen('acknowledge');
    this.#outbox.acknowledge(events);
  }

  async markUndeliverable(event: EventKey, reason: string, at: string): Promise<void> {
    this.#checkOpen('markUndeliverable');
    this.#outbox.markUndeliverable(event, reason, at);
  }

  async undeliverable(): Promise<readonly UndeliverableEvent[]> {
    this.#checkOpen('undeliverable');
    return this.#outbox.undeliverable();
  }

  async retryUndeliverable(selection: EventSelection): Promise<number> {
    this.#checkOpen('retryUndeliverable');
    return this.#outbox.retry(selection);
  }

  async dropUndeliverable(selection: EventSelection): Promise<number> {
    this.#checkOpen('dropUndeliverable');
    const count = this.#outbox.drop(selection);
    this.#dropped += count;
    return count;
  }

  async saveState(name: string, state: object): Promise<void> {
    this.#checkOpen('saveState');
    this.#states.set(name, JSON.stringify(state));
  }

  async loadState(name: string): Promise<object | null> {
    this.#checkOpen('loadState');
    return JSON.parse(this.#states.get(name) ?? 'null') as object | null;
  }

  async countUnrecorded(count: number): Promise<void> {
    this.#checkOpen('countUnrecorded');
    this.#unrecorded += count;
  }

  async counters(): Promise<JournalCounters> {
    this.#checkOpen('counters');
    return {
      events: this.#finished().length,
      pending: this.#outbox.size,
      undeliverable: this.#outbox.undeliverable().length,
      dropped: this.#dropped,
      unrecorded: this.#unrecorded,
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
    if (step === 'full') throw new JournalError('journal-full', `${method}: the disk is full`);
  }

  #checkOpen(method: string): void {
    if (this.#closed) throw new JournalError('journal-closed', `${method}: the journal is closed`);
  }

  #rowOf(id: string): Row {
    return this.#rows.get(id) ?? { body: {}, seq: null, labels: [], ofThisRun: true };
  }

  #labelsOf(eventId: string): Label[] {
    const row = this.#rows.get(eventId);
    if (!row || row.seq === null) throw unknownEvent(eventId);
    return row.labels;
  }

  #finished(): Row[] {
    return [...this.#rows.values()].filter(({ seq }) => seq !== null);
  }

  #frameBytes(): number {
    return [...this.#frameSizes.values()].reduce((total, size) => total + size, 0);
  }
}

const alreadyFinished = (id: string, seq: number) =>
  new JournalError('already-finished', `row ${id}: already finished as event ${seq}`);

const binOf = (event: object): string | null =>
  'bin' in event && typeof event.bin === 'string' ? event.bin : null;

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
