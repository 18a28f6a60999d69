import { z } from 'zod';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { LatestWriter } from '../kit/latest-writer.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import {
  clearedMessage,
  type FaultMessage,
  faultMessageSchema,
  faultsByCode,
  raisedMessage,
} from '../status/fault-message.js';
import type { RaisedFault } from '../status/status.js';

/** Name of the stored state. */
const NAME = 'published-faults';
/** Also a level of a topic. */
const CODE = /^[a-z0-9][a-z0-9-]{0,63}$/;

const storedSchema = z.object({
  faults: z.record(
    z.string().regex(CODE),
    z.object({
      state: z.enum(['raised', 'cleared']),
      since: z.iso.datetime(),
      /** An older version has not stored them. */
      parts: faultMessageSchema.shape.parts.default({}),
    }),
  ),
});
type Stored = z.infer<typeof storedSchema>;

/**
 * Publishes each fault on a retained topic `fault/<code>`, at once. It remembers the faults over a restart. One that persists
 * stays as it is, with its time: otherwise each restart would be a new fault for an automation. One that has ended
 * meanwhile becomes `cleared` when the bin has started.
 */
export class FaultPublisher {
  readonly #published = new Map<string, FaultMessage>();
  /** When the faults of the last run were raised, by code, until they are cleared. */
  readonly #earlier = new Map<string, string>();
  /** Of these, the ones that no part has reported since the start. */
  readonly #unconfirmed = new Set<string>();
  readonly #writer: LatestWriter<Stored>;

  private constructor(
    journal: Pick<Journal, 'saveState'>,
    private readonly publisher: Pick<Publisher, 'retain'>,
    private readonly clock: Pick<Clock, 'wallMs'>,
  ) {
    this.#writer = new LatestWriter((stored) => journal.saveState(NAME, stored));
  }

  /** Publishes the faults of the last run unchanged. */
  static async open(
    journal: Pick<Journal, 'saveState' | 'loadState'>,
    publisher: Pick<Publisher, 'retain'>,
    clock: Pick<Clock, 'wallMs'>,
  ): Promise<FaultPublisher> {
    const faults = new FaultPublisher(journal, publisher, clock);
    const stored = storedSchema.safeParse(await journal.loadState(NAME)).data?.faults ?? {};
    for (const [code, { state, since, parts }] of Object.entries(stored)) {
      faults.#publish(
        state === 'raised' ? raisedMessage(code, { since, parts }) : clearedMessage(code, since),
      );
      if (state === 'cleared') continue;
      faults.#earlier.set(code, since);
      faults.#unconfirmed.add(code);
    }
    return faults;
  }

  /** Publishes what has changed. `isStarting`: a part may not have reported a fault of the last run yet. */
  update(raised: readonly RaisedFault[], { isStarting } = { isStarting: false }): void {
    const faults = faultsByCode(raised);
    let isChanged = false;
    for (const [code, fault] of Object.entries(faults)) {
      this.#unconfirmed.delete(code);
      const message = raisedMessage(code, { ...fault, since: this.#earlier.get(code) ?? fault.since });
      const before = this.#published.get(code);
      if (!CODE.test(code) || (before && JSON.stringify(before) === JSON.stringify(message))) continue;
      isChanged ||= before?.state !== 'raised' || before.since !== message.since;
      this.#publish(message);
    }
    if (!isStarting) this.#unconfirmed.clear();
    for (const [code, { state }] of this.#published)
      if (state === 'raised' && !Object.hasOwn(faults, code) && !this.#unconfirmed.has(code)) {
        isChanged = true;
        this.#earlier.delete(code);
        this.#publish(clearedMessage(code, this.#now()));
      }
    // If the disk is full, the next change is stored. The cycle reports the fault of the journal.
    if (isChanged) void this.#writer.write(this.#stored()).catch(() => {});
  }

  #publish(message: FaultMessage): void {
    this.#published.set(message.code, message);
    this.publisher.retain(`fault/${message.code}`, message);
  }

  #stored(): Stored {
    const faults = [...this.#published].map(
      ([code, { state, since, parts }]) => [code, { state, since, parts }] as const,
    );
    return { faults: Object.fromEntries(faults) };
  }

  #now(): string {
    return new Date(this.clock.wallMs()).toISOString();
  }
}
