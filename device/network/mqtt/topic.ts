import { SortbinError } from '../../kit/errors.js';

/** A topic of a bin, without the `<prefix>/<bin>/` before it. */
export type Topic = 'availability' | 'info' | 'state' | 'event';

/** The beginning of every topic of one bin. */
export interface TopicBase {
  /** One or more levels: `sortbin`, `building-7/waste`. */
  readonly prefix: string;
  readonly bin: string;
}

export type TopicErrorCode = 'prefix-invalid' | 'bin-invalid';

export class TopicError extends SortbinError<TopicErrorCode> {
  override readonly name = 'TopicError';
}

/** How the messages of a topic are sent. */
export interface Delivery {
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

const DELIVERY: Readonly<Record<Topic, Delivery>> = {
  availability: { qos: 1, retain: true },
  info: { qos: 1, retain: true },
  state: { qos: 1, retain: true },
  event: { qos: 1, retain: false },
};

export const deliveryOf = (topic: Topic): Delivery => DELIVERY[topic];

/** Excludes separators, wildcards, spaces, control and unassigned characters, and lone surrogates. */
const PREFIX_LEVEL = /^[^/+#\s\p{C}]+$/u;
const PREFIX_MAX_CHARACTERS = 200;
/** Also valid as a Home Assistant object id and as an MQTT client id. */
const BIN = /^[A-Za-z0-9_-]{1,64}$/;

/** Returns the full topic. @throws TopicError if the prefix or the bin's id is not allowed in a topic */
export const printTopic = ({ prefix, bin }: TopicBase, topic: Topic): string => {
  const levels = prefix.split('/');
  if (
    prefix.length > PREFIX_MAX_CHARACTERS ||
    prefix.startsWith('$') ||
    !levels.every((level) => PREFIX_LEVEL.test(level))
  ) {
    throw new TopicError(
      'prefix-invalid',
      `topic prefix ${JSON.stringify(prefix)}: not allowed. Use up to ${PREFIX_MAX_CHARACTERS} characters in levels ` +
        'that "/" separates. No level is empty or contains "+", "#" or spaces, and the first one does not begin with "$".',
    );
  }
  if (!BIN.test(bin)) {
    throw new TopicError(
      'bin-invalid',
      `bin id ${JSON.stringify(bin)}: not allowed. Use 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-".`,
    );
  }
  return [prefix, bin, topic].join('/');
};
