import { type Logger, pino } from 'pino';
import type { Clock } from '../../../device/kit/clock.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import {
  OutboxPublisher,
  type OutboxPublisherOptions,
} from '../../../device/network/mqtt/outbox-publisher.js';
import { MemoryOutbox } from '../../support/network/memory-outbox.js';

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
