import type { UndeliverableEvent } from '../../journal/journal.js';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import type { Fault } from '../../kit/errors.js';
import { type HealthListener, HealthReporter, type HealthSource } from '../../kit/health.js';
import { OUTBOX_DEADLINE_MS } from './acknowledger.js';
import type { ConnectionError } from './connection-error.js';
import type { BrokerLimits } from './limits.js';
import type { DeliveryFaultCode, Outbox } from './mqtt.js';

/** What a fault is about. The first kind that has a fault is reported. */
const KINDS = ['blocked', 'refused', 'undeliverable', 'limits'] as const;
type Kind = (typeof KINDS)[number];

/** The faults of the messages, while the broker is connected. */
export class DeliveryHealth implements HealthSource<DeliveryFaultCode> {
  readonly #faults = new Map<Kind, Fault<DeliveryFaultCode>>();
  readonly #reporter = new HealthReporter<DeliveryFaultCode>();

  onHealth(listener: HealthListener<DeliveryFaultCode>): void {
    this.#reporter.onHealth(listener);
  }

  set(kind: Kind, fault: Fault<DeliveryFaultCode> | null): void {
    if (fault) this.#faults.set(kind, fault);
    else if (!this.#faults.delete(kind)) return;
    const shown = KINDS.map((one) => this.#faults.get(one)).find((one) => one !== undefined);
    this.#reporter.set(shown ?? null);
  }

  /** Reports the undeliverable events of an outbox. If the outbox cannot be read, the fault stays as it is. */
  async readUndeliverable(outbox: Pick<Outbox, 'undeliverable'>, clock: Clock): Promise<void> {
    try {
      const events = await withDeadline(clock, OUTBOX_DEADLINE_MS, () => outbox.undeliverable());
      this.set('undeliverable', undeliverableFault(events));
    } catch {
      // The journal reports its own fault.
    }
  }
}

const undeliverableFault = (events: readonly UndeliverableEvent[]): Fault<DeliveryFaultCode> | null => {
  const last = events.at(-1);
  if (!last) return null;
  const count = events.length === 1 ? '1 event' : `${events.length} events`;
  const message = `${count} could not be delivered. The last one is event ${last.seq}: ${last.reason.replace(/\.$/, '')}. See "sortbin outbox list".`;
  return { code: 'event-undeliverable', message };
};

/** Describes what is lost because of the limits of the broker. `skipped`: the retained message that it does not take. */
export const limitsFault = (
  limits: BrokerLimits | null,
  skipped: ConnectionError | null,
): Fault<DeliveryFaultCode> | null => {
  const problems: string[] = [];
  if (limits?.maximumQos === 0)
    problems.push(
      'The broker supports only QoS 0: when the connection breaks, the events just sent are lost.',
    );
  if (limits?.retainAvailable === false)
    problems.push(
      'The broker keeps no retained messages: a program that connects later waits for the next state.',
    );
  if (skipped) problems.push(`Not sent: ${skipped.message.replace(/\.$/, '')}.`);
  return problems.length > 0 ? { code: 'mqtt-limits', message: problems.join(' ') } : null;
};
