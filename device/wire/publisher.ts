import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Clock } from '../kit/clock.js';
import type { EmbeddedBroker, Outbox, Publisher } from '../network/mqtt/mqtt.js';
import { OutboxPublisher } from '../network/mqtt/outbox-publisher.js';
import type { LoadedConfig } from './loaded-config.js';

/** The broker that the publisher connects to. */
export interface PublisherBroker {
  readonly url: string;
  /** Whether it is the embedded broker, which supports MQTT 3.1.1 only. */
  readonly isEmbedded: boolean;
}

export const wirePublisher = (
  { config, folder, log }: LoadedConfig,
  { url, isEmbedded }: PublisherBroker,
  outbox: Outbox,
  clock: Clock,
): Publisher => {
  const { mqtt, bin } = config;
  const options = {
    prefix: mqtt.prefix,
    bin: bin.id,
    broker: {
      url,
      clientId: `${mqtt.prefix}-${bin.id}`.replaceAll('/', '-'),
      keepaliveSeconds: mqtt.keepaliveS,
      ...(isEmbedded ? { protocolVersion: 4 as const } : {}),
      ...(mqtt.username === null ? {} : { username: mqtt.username }),
      ...(mqtt.password === null ? {} : { password: mqtt.password }),
      ...(mqtt.ca === null ? {} : { caFile: resolve(folder, mqtt.ca) }),
    },
    window: mqtt.window,
    pubackDeadlineMs: mqtt.pubackMs,
    backoff: mqtt.backoff,
  };
  return new OutboxPublisher(outbox, options, { clock, random: Math.random, log });
};

/** Starts the embedded broker. Imports it only when it is used, to save memory. */
export const startBroker = async (
  options: Config['mqtt']['embedded'],
  log: Logger,
): Promise<EmbeddedBroker> => {
  const { startEmbeddedBroker } = await import('../network/mqtt/embedded-broker.js');
  return startEmbeddedBroker(options, log);
};
