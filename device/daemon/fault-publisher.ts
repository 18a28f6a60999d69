import { z } from 'zod';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { LatestWriter } from '../kit/latest-writer.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import { clearedMessage, type FaultMessage, faultsByCode, raisedMessage } from '../status/fault-message.js';
import type { RaisedFault } from '../status/status.js';

/** Name of the stored state. */
const NAME = 'published-faults';
/** Also a level of a topic. */
const CODE = /^[a-z0-9][a-z0-9-]{0,63}$/;

const storedSchema = z.object({
  faults: z.record(
    z.string().regex(CODE),
    z.object({ state: z.enum(['raised', 'cleared']), since: z.iso.datetime() }),
  ),
});
type Stored = z.infer<typeof storedSchema>;

/**
 * Publishes each fault on a retained topic `fault/<code>`, at once. It remembers the codes over a restart, so that a fault
 * that ended meanwhile becomes `cleared`.
 */
export class FaultPublisher {
  readonly #published = new Map<string, FaultMessage>();
  readonly #writer: LatestWriter<Stored>;

  private constructor(
    journal: Pick<Journal, 'saveState'>,
    private readonly publisher: Pick<Publisher, 'retain'>,
    private readonly clock: Pick<Clock, 'wallMs'>,
  ) {
    this.#writer = new LatestWriter((stored) => journal.saveState(NAME, stored));
  }

  /** Publishes the faults of the last run as cleared: a part that still has one reports it again. */
  static async open(
    journal: Pick<Journal, 'saveState' | 'loadState'>,
    publisher: Pick<Publisher, 'retain'>,
    clock: Pick<Clock, 'wallMs'>,
  ): Promise<FaultPublisher> {
    const faults = new FaultPublisher(journal, publisher, clock);
    const stored = storedSchema.safeParse(await journal.loadState(NAME)).data?.faults ?? {};
    for (const [code, { state, since }] of Object.entries(stored))
      faults.#publish(clearedMessage(code, state === 'cleared' ? since : faults.#now()));
    return faults;
  }

  /** Publishes what has changed. */
  update(raised: readonly RaisedFault[]): void {
    const faults = faultsByCode(raised);
    let isChanged = false;
    for (const [code, fault] of Object.entries(faults)) {
      const message = raisedMessage(code, fault);
      const before = this.#published.get(code);
      if (!CODE.test(code) || (before && JSON.stringify(before) === JSON.stringify(message))) continue;
      isChanged ||= before?.state !== 'raised' || before.since !== message.since;
      this.#publish(message);
    }
    for (const [code, { state }] of this.#published)
      if (state === 'raised' && !Object.hasOwn(faults, code)) {
        isChanged = true;
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
    const faults = [...this.#published].map(([code, { state, since }]) => [code, { state, since }] as const);
    return { faults: Object.fromEntries(faults) };
  }

  #now(): string {
    return new Date(this.clock.wallMs()).toISOString();
  }
}
