import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Clock } from '../kit/clock.js';
import type { EmbeddedBroker, Outbox, Publisher } from '../network/mqtt/mqtt.js';
import { OutboxPublisher } from '../network/mqtt/outbox-publisher.js';
import type { LoadedConfig } from './loaded-config.js';

/** Creates the publisher. Without `mqtt.url`, starts the embedded broker and connects to it. */
export const wirePublisher = async (
  { config, folder, log }: LoadedConfig,
  outbox: Outbox,
  clock: Clock,
): Promise<{ publisher: Publisher; broker: EmbeddedBroker | null; url: string }> => {
  const { mqtt, bin } = config;
  const broker = mqtt.url === null ? await startBroker(mqtt.embedded, log) : null;
  const url = mqtt.url ?? broker?.url ?? '';
  const options = {
    prefix: mqtt.prefix,
    bin: bin.id,
    broker: {
      url,
      clientId: `${mqtt.prefix}-${bin.id}`.replaceAll('/', '-'),
      keepaliveSeconds: mqtt.keepaliveS,
      ...(broker ? { protocolVersion: 4 as const } : {}),
      ...(mqtt.username === null ? {} : { username: mqtt.username }),
      ...(mqtt.password === null ? {} : { password: mqtt.password }),
      ...(mqtt.ca === null ? {} : { caFile: resolve(folder, mqtt.ca) }),
    },
    window: mqtt.window,
    pubackDeadlineMs: mqtt.pubackMs,
    backoff: mqtt.backoff,
  };
  return {
    publisher: new OutboxPublisher(outbox, options, { clock, random: Math.random, log }),
    broker,
    url,
  };
};

/** Imports the broker only when it is used, to save memory. */
const startBroker = async (options: Config['mqtt']['embedded'], log: Logger): Promise<EmbeddedBroker> => {
  const { startEmbeddedBroker } = await import('../network/mqtt/embedded-broker.js');
  return startEmbeddedBroker(options, log);
};
