import { SortbinError } from '../../kit/errors.js';

/** What a bin says and hears, without the `<prefix>/<bin>/` in front. */
export type Topic =
  | { readonly kind: PlainKind }
  | { readonly kind: 'fault'; readonly code: string }
  | { readonly kind: 'request' | 'response'; readonly command: string };

type PlainKind = 'availability' | 'info' | 'state' | 'event' | 'stats' | 'frame';

/** What stands in front of every topic of one bin. */
export interface TopicBase {
  /** One or more levels: `sortbin`, `building-7/waste`. */
  readonly prefix: string;
  readonly bin: string;
}

export type TopicErrorCode = 'prefix-invalid' | 'bin-invalid' | 'topic-name-invalid';

export class TopicError extends SortbinError<TopicErrorCode> {
  override readonly name = 'TopicError';
}

/** How messages of a kind are sent. A retained request would be a command for a bin that comes back hours later. */
export interface Delivery {
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

const DELIVERY: Readonly<Record<Topic['kind'], Delivery>> = {
  availability: { qos: 1, retain: true },
  info: { qos: 1, retain: true },
  state: { qos: 1, retain: true },
  event: { qos: 1, retain: false },
  stats: { qos: 0, retain: false },
  fault: { qos: 1, retain: true },
  frame: { qos: 0, retain: false },
  request: { qos: 1, retain: false },
  response: { qos: 1, retain: false },
};

export const deliveryOf = (topic: Topic): Delivery => DELIVERY[topic.kind];

/** No separator, no wildcard, no space, no control or unassigned character, no half of a surrogate pair. */
const PREFIX_LEVEL = /^[^/+#\s\p{C}]+$/u;
const PREFIX_MAX_CHARACTERS = 200;
/** Narrow enough to serve as a Home Assistant object id and as a client id. */
const BIN = /^[A-Za-z0-9_-]{1,64}$/;
const NAME = /^(?=.{1,64}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** @throws TopicError where the prefix or the bin's id cannot stand in a topic */
export const checkTopicBase = ({ prefix, bin }: TopicBase): void => {
  const levels = prefix.split('/');
  if (
    prefix.length > PREFIX_MAX_CHARACTERS ||
    prefix.startsWith('$') ||
    !levels.every((level) => PREFIX_LEVEL.test(level))
  ) {
    throw new TopicError(
      'prefix-invalid',
      `topic prefix ${JSON.stringify(prefix)}: allowed are up to ${PREFIX_MAX_CHARACTERS} characters in levels ` +
        `separated by "/", none of them empty, without "+", "#" or spaces, and no "$" in front`,
    );
  }
  if (!BIN.test(bin)) {
    throw new TopicError(
      'bin-invalid',
      `bin id ${JSON.stringify(bin)}: allowed are 1 to 64 of A-Z, a-z, 0-9, "_" and "-"`,
    );
  }
};

/** @throws TopicError where a part of it cannot stand in a topic */
export const printTopic = (base: TopicBase, topic: Topic): string => {
  checkTopicBase(base);
  const name = 'code' in topic ? topic.code : 'command' in topic ? topic.command : undefined;
  if (name !== undefined && !NAME.test(name)) {
    throw new TopicError(
      'topic-name-invalid',
      `${topic.kind} name ${JSON.stringify(name)}: allowed are up to 64 of a-z, 0-9 and "-", as in "gate-jammed"`,
    );
  }
  return [base.prefix, base.bin, topic.kind, ...(name === undefined ? [] : [name])].join('/');
};

/** What a topic means to this bin; null for another bin's, another program's, or one that no bin would print. */
export const parseTopic = (base: TopicBase, text: string): Topic | null => {
  const start = `${base.prefix}/${base.bin}/`;
  if (!text.startsWith(start)) return null;
  const [kind, name, ...more] = text.slice(start.length).split('/');
  if (more.length > 0) return null;
  switch (kind) {
    case 'availability':
    case 'info':
    case 'state':
    case 'event':
    case 'stats':
    case 'frame':
      return name === undefined ? { kind } : null;
    case 'fault':
      return name !== undefined && NAME.test(name) ? { kind, code: name } : null;
    case 'request':
    case 'response':
      return name !== undefined && NAME.test(name) ? { kind, command: name } : null;
    default:
      return null;
  }
};
