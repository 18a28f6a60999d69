import { afterEach } from 'node:test';
import { type Logger, pino } from 'pino';
import type { Clock } from '../../../device/kit/clock.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import type { Publisher } from '../../../device/network/mqtt/mqtt.js';
import {
  OutboxPublisher,
  type OutboxPublisherOptions,
} from '../../../device/network/mqtt/outbox-publisher.js';
import { MemoryOutbox } from '../../support/network/memory-outbox.js';
import { RoughBroker } from '../../support/network/rough-broker.js';
import { until } from '../../support/until.js';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
}

const WARN = 40;

/** Returns a log, and its lines of level `warn` and above. */
export const readableLog = (): { readonly log: Logger; readonly lines: LogLine[] } => {
  const lines: LogLine[] = [];
  const write = (line: string) => {
    const parsed: LogLine = JSON.parse(line);
    if (parsed.level >= WARN) lines.push(parsed);
  };
  return { log: pino({ level: 'debug' }, { write }), lines };
};

type Options = Omit<Partial<OutboxPublisherOptions>, 'broker'> & {
  readonly broker?: Partial<OutboxPublisherOptions['broker']>;
};

/** `health`: the changes of the publisher's fault. */
const publisherOn = (url: string, clock: Clock, options: Options) => {
  const outbox = new MemoryOutbox();
  const { log, lines } = readableLog();
  const broker = { url, clientId: 'sortbin-kitchen', ...options.broker };
  const publisherOptions = { prefix: 'sortbin', bin: 'kitchen', ...options, broker };
  const publisher = new OutboxPublisher(outbox, publisherOptions, { clock, random: () => 0.5, log });
  const health: (string | null)[] = [];
  publisher.onHealth((fault) => health.push(fault && `${fault.code}: ${fault.message}`));
  return { publisher, outbox, lines, health };
};

/** A publisher with the real clock and short deadlines. */
export const fastPublisher = (url: string, options: Options = {}) =>
  publisherOn(url, new SystemClock(), {
    pubackDeadlineMs: 250,
    backoff: { minMs: 10, maxMs: 40 },
    ...options,
  });

/** A publisher with a simulated clock, its default deadlines, and a keepalive that is too long to interfere. */
export const clockedPublisher = (url: string, options: Options = {}) => {
  const clock = new SimulatedClock();
  const broker = { keepaliveSeconds: 43_200, ...options.broker };
  return { clock, ...publisherOn(url, clock, { ...options, broker }) };
};

/** What is called after the test, the last one first. */
export const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export const startBroker = async (behaviour: Partial<RoughBroker['behaviour']> = {}) => {
  const broker = await new RoughBroker().start();
  Object.assign(broker.behaviour, behaviour);
  cleanups.push(() => broker.stop());
  return broker;
};

export const closeAfterTest = <T extends { readonly publisher: Publisher }>(made: T): T => {
  cleanups.push(() => made.publisher.close());
  return made;
};

export const online = (publisher: Publisher) => until('connected', () => publisher.status().connected);
