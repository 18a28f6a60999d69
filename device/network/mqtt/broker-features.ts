import type { Clock } from '../../kit/clock.js';
import type { ProtocolVersion } from './connection.js';
import { ConnectionError, REASON } from './connection-error.js';

/** What is used with a broker. */
export interface BrokerFeatures {
  readonly version: ProtocolVersion;
  readonly will: { readonly qos: 0 | 1; readonly retain: boolean };
  /** Maximum size of a packet that DISCONNECT 0x95 has shown; null: unknown. */
  readonly maximumPacketBytes: number | null;
}

/** The broker may have been changed meanwhile, or it may have closed the connection for another reason. */
const FORGET_AFTER_MS = 3_600_000;

/** The features of one broker, as far as earlier connections have shown them. They are forgotten after an hour. */
export class KnownFeatures {
  #known: BrokerFeatures;
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly initial: BrokerFeatures,
    private readonly clock: Clock,
  ) {
    this.#known = initial;
  }

  get current(): BrokerFeatures {
    if (this.clock.monotonicMs() >= this.#untilMs) {
      this.#known = this.initial;
      this.#untilMs = Number.POSITIVE_INFINITY;
    }
    return this.#known;
  }

  learn(features: Partial<BrokerFeatures>): void {
    this.#known = { ...this.current, ...features };
    this.#untilMs = this.clock.monotonicMs() + FORGET_AFTER_MS;
  }
}

/** Returns the features without the one because of which a connection failed, or null if it failed for another reason. */
export const withoutRefused = (features: BrokerFeatures, thrown: unknown): BrokerFeatures | null => {
  if (!(thrown instanceof ConnectionError)) return null;
  const { code, reasonCode } = thrown;
  const { version, will } = features;
  if (version === 5 && (code === 'version-refused' || code === 'closed-before-connack'))
    return { ...features, version: 4 };
  if (reasonCode === REASON.retainNotSupported && will.retain)
    return { ...features, will: { ...will, retain: false } };
  if (reasonCode === REASON.qosNotSupported && will.qos === 1)
    return { ...features, will: { ...will, qos: 0 } };
  return null;
};
