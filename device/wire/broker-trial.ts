import type { Clock } from '../kit/clock.js';
import { sleep, withDeadline } from '../kit/deadline.js';
import { type Answer, done, type Fault } from '../kit/errors.js';
import type { Outbox, PublishFault } from '../network/mqtt/mqtt.js';
import type { LoadedConfig } from './loaded-config.js';
import { startBroker, urlWithoutLogin, wirePublisher } from './publisher.js';

/** No event waits, so that only the test message is sent. */
const EMPTY_OUTBOX: Outbox = {
  pending: async () => [],
  acknowledge: async () => {},
  markUndeliverable: async () => {},
  undeliverable: async () => [],
};

/** The topic of the test message, below the topics of the bin. */
const TRIAL_TOPIC = 'setup';
const POLL_MS = 20;

/**
 * Connects to the configured broker like the bin, or to the embedded broker, and publishes one message. Returns the URL
 * without its login, or the first fault. The bin must be stopped, because both have the same client id.
 * @throws ConnectionError `broker-url-invalid`, DeadlineExceeded, or the signal's reason
 */
export const tryBroker = async (
  loaded: LoadedConfig,
  deadlineMs: number,
  clock: Clock,
  outer: AbortSignal,
): Promise<Answer<string, PublishFault>> => {
  const { mqtt } = loaded.config;
  // Any free port: the port of the bin may still be in use.
  const embedded =
    mqtt.url === null ? await startBroker({ ...mqtt.embedded, port: 0 }, clock, loaded.log) : null;
  const url = embedded?.url ?? mqtt.url ?? '';
  const publisher = wirePublisher(loaded, { url, isEmbedded: embedded !== null }, EMPTY_OUTBOX, clock);
  let fault: Fault<PublishFault> | null = null;
  publisher.onHealth((changed) => {
    fault = changed;
  });
  const publish = async (signal: AbortSignal): Promise<Answer<string, PublishFault>> => {
    publisher.start();
    while (!publisher.status().connected) {
      if (fault) return { ok: false, fault };
      await sleep(clock, POLL_MS, signal);
    }
    const sent = await publisher.publish(TRIAL_TOPIC, { test: 'sortbin setup' });
    return sent.ok ? done(urlWithoutLogin(url)) : sent;
  };
  try {
    return await withDeadline(clock, deadlineMs, publish, outer);
  } finally {
    await publisher.close();
    await embedded?.close();
  }
};
