import type { Logger } from 'pino';
import type { Frame } from '../hardware/camera/camera.js';
import type { Trigger } from '../hardware/trigger/trigger.js';
import { type Journal, JournalError } from '../journal/journal.js';
import { Backoff } from '../kit/backoff.js';
import type { Clock } from '../kit/clock.js';
import { sharedController, sleep, withDeadline } from '../kit/deadline.js';
import { type Answer, failed, messageOf } from '../kit/errors.js';
import type { NewId } from '../kit/ids.js';
import { LatestWriter } from '../kit/latest-writer.js';
import {
  type BinEvent,
  type EventBody,
  finishedBody,
  interruptedBody,
  type OperatorReport,
  type Origin,
  operatorReportBody,
  type StartedBody,
  startedBody,
} from './event.js';
import { Losses } from './losses.js';
import type { Observer } from './observer.js';
import { attempt, type Progress } from './progress.js';
import type { Burst, Finished } from './state.js';
import { totalsOf } from './totals.js';
import type { ServingModel } from './work.js';

export interface RecorderParts {
  readonly bin: string;
  readonly journal: Journal;
  /** Encodes raw frames. */
  readonly model: ServingModel;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly progress?: Progress;
  readonly log: Logger;
}

/** Delay before a failed `finish` is tried again. */
const RETRY_LIMITS = { minMs: 100, maxMs: 30_000 };
/** Deadline to encode a raw frame. A process that misses it is restarted, so it is longer than any encoding takes. */
const ENCODE_MS = 10_000;
/** Maximum events that wait for a retry, about 2 kB each. */
const MAX_WAITING = 1_000;

/** Writes the rows of items, bursts and reports to the journal. Announces each event once it is on disk. */
export class Recorder {
  /** The rows that are begun and not finished: when their last write is on disk. */
  readonly #begun = new Map<string, Promise<void>>();
  readonly #finishing = new Set<Promise<unknown>>();
  readonly #closing = sharedController();
  readonly #bursts = new LatestWriter<Burst>((burst) => this.#writeBurst(burst));
  readonly #losses: Losses;
  #isFailing = false;

  constructor(
    private readonly parts: RecorderParts,
    private readonly observer: Pick<Observer, 'event' | 'health' | 'unrecorded'>,
  ) {
    const { journal, log } = parts;
    this.#losses = new Losses(journal, log, (count) => observer.unrecorded?.(count));
  }

  /** Finishes the rows of an earlier run. */
  async recover(): Promise<void> {
    const { journal, log } = this.parts;
    for (const row of await journal.unfinished()) {
      const body = interruptedBody(row.body as StartedBody);
      const key = await journal.finish(row.id, body, totalsOf(body));
      log.warn({ id: row.id, at: body.at, outcome: body.outcome }, 'finished a row of an earlier run');
      this.observer.event?.({ ...body, ...key });
    }
  }

  /** Begins the row of an item. */
  begin(id: string, trigger: Trigger): Promise<void> {
    return this.#remember(id, this.#begin(startedBody(id, trigger, this.#origin())));
  }

  /** Begins the row of a burst, or updates its count. A fast sensor causes no more writes than the disk allows. */
  count(burst: Burst): void {
    this.#remember(burst.id, this.#bursts.write(burst)).catch((error) => this.#failed(error));
  }

  /** Resolves when the last write of an unfinished row is on disk. Rejects if it failed. */
  async untilBegun(id: string): Promise<void> {
    await this.#begun.get(id);
  }

  /** Finishes a row and keeps the frame of its item. If the journal fails, tries again until `close`. */
  finish(finished: Finished): void {
    const body = finishedBody(finished, this.#origin());
    // `#write` has counted an event that is lost.
    this.#track(this.#finish(body, finished)).catch(() => {});
  }

  /**
   * Records a report of an operator, from `source`. Tries again like `finish`. Rejects if it is never on disk, and with
   * JournalError `unknown-event` if it disputes an item that is not in the journal.
   */
  async report(report: OperatorReport, source: string): Promise<BinEvent> {
    const { journal, clock, newId } = this.parts;
    const trigger: Trigger = { id: newId(), source, atMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    const body = operatorReportBody(newId(), report, trigger, this.#origin());
    if (report.outcome === 'disputed') await journal.label(report.item, { label: null, source, at: body.at });
    const event = await this.#track(this.#write(body));
    this.observer.event?.(event);
    return event;
  }

  /** Tries the events that still wait for the last time. Resolves when no write is running. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#finishing);
    await this.#losses.close();
  }

  async #begin(body: StartedBody): Promise<void> {
    const { journal, log } = this.parts;
    await this.#attempt(() => journal.begin(body.id, body));
    log.debug({ id: body.id, trigger: body.trigger.id, count: body.count }, 'recorded');
  }

  #writeBurst({ id, trigger, count }: Burst): Promise<void> {
    return this.#begin({ ...startedBody(id, trigger, this.#origin()), count });
  }

  #remember(id: string, written: Promise<void>): Promise<void> {
    this.#begun.set(id, written);
    return written;
  }

  async #finish(body: EventBody, finished: Finished): Promise<void> {
    // A write of the row that came later would fail, because the row is finished.
    await this.#begun.get(body.id)?.catch(() => {});
    this.#begun.delete(body.id);
    const { frame } = finished.item;
    // The bytes of a frame do not wait in memory for a journal that fails.
    let announced = finished;
    const event = await this.#write(body, () => {
      announced = withoutFrame(finished);
    });
    this.observer.event?.(event, announced);
    if (!frame) return;
    try {
      if (announced !== finished) throw new Error('the journal failed, and the frame did not wait for it');
      await this.#keepFrame(frame);
    } catch (error) {
      this.#losses.addFrame(error);
    }
  }

  /** Keeps a frame as a file that any viewer opens. A raw frame that cannot be encoded is kept with its format. */
  async #keepFrame(frame: Frame): Promise<void> {
    const { journal, log } = this.parts;
    const { id, bytes, format } = frame;
    if (!format) return journal.keepFrame(id, bytes);
    const jpeg = await this.#toJpeg(frame);
    if (jpeg.ok) return journal.keepFrame(id, jpeg.value);
    const { code, message } = jpeg.fault;
    log.warn({ frame: id, code, reason: message }, 'a raw frame was kept because it could not be encoded');
    return journal.keepFrame(id, bytes, format);
  }

  #toJpeg(frame: Frame): Promise<Answer<Uint8Array>> {
    const { model, clock } = this.parts;
    const toJpeg = (signal: AbortSignal) => model.use(({ vision }) => vision.toJpeg(frame, signal));
    return withDeadline(clock, ENCODE_MS, toJpeg, this.#closing.signal).catch((error) =>
      failed('vision-timeout', messageOf(error)),
    );
  }

  /** Writes a finished row. Tries again until it is on disk or the recorder is closed. */
  async #write(body: EventBody, onRetry: () => void = () => {}): Promise<BinEvent> {
    const { journal, clock } = this.parts;
    const { signal } = this.#closing;
    const backoff = new Backoff(RETRY_LIMITS);
    for (;;) {
      const isLast = signal.aborted || this.#finishing.size > MAX_WAITING;
      try {
        const key = await this.#attempt(() => journal.finish(body.id, body, totalsOf(body)));
        this.#recovered();
        return { ...body, ...key };
      } catch (error) {
        this.#failed(error);
        if (isLast || (error instanceof JournalError && error.code === 'already-finished')) {
          this.#losses.addEvent(error, body);
          throw error;
        }
      }
      onRetry();
      await sleep(clock, backoff.nextMs(), signal).catch(() => {});
    }
  }

  /** A full disk is no reason for a restart, which would lose the events that wait. */
  #attempt<T>(work: () => Promise<T>): Promise<T> {
    return attempt(this.parts.progress, 'journal', work, undefined, isFull);
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#finishing.add(work);
    return work.finally(() => this.#finishing.delete(work));
  }

  #failed(error: unknown): void {
    if (!this.#isFailing) this.parts.log.error({ err: error }, 'the journal failed');
    this.#isFailing = true;
    this.observer.health?.('journal', {
      code: isFull(error) ? 'journal-full' : 'journal-failed',
      message: messageOf(error),
    });
  }

  #recovered(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.observer.health?.('journal', null);
    this.#losses.report();
  }

  #origin(): Origin {
    const { bin, clock } = this.parts;
    return { bin, clock: clock.synchronised() ? 'synchronised' : 'free' };
  }
}

const isFull = (error: unknown): boolean => error instanceof JournalError && error.code === 'journal-full';

const withoutFrame = (finished: Finished): Finished => {
  const { frame: _, ...item } = finished.item;
  return { ...finished, item };
};
