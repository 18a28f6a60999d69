import { SortbinError } from '../../kit/errors.js';

/** A topic of the bin, without the `<prefix>/<bin>/` before it, or an absolute one. A filter may contain `+` and `#`. */
export type Topic = string | { readonly absolute: string };

/** The beginning of every topic of one bin. */
export interface TopicBase {
  /** One or more levels: `sortbin`, `building-7/waste`. */
  readonly prefix: string;
  readonly bin: string;
}

export type TopicErrorCode = 'prefix-invalid' | 'bin-invalid' | 'topic-invalid' | 'topic-reserved';

export class TopicError extends SortbinError<TopicErrorCode> {
  override readonly name = 'TopicError';
}

/** Excludes separators, wildcards, spaces, control and unassigned characters, and lone surrogates. */
const LEVEL = /^[^/+#\s\p{C}]+$/u;
/** Other programs choose absolute topics. They may have empty levels and spaces. */
const ABSOLUTE_LEVEL = /^[^/+#\p{C}]*$/u;
const PREFIX_MAX_CHARACTERS = 200;
const TOPIC_MAX_CHARACTERS = 500;
/** Topics of the bin on which only the publisher itself sends. */
const RESERVED = ['availability', 'event'];
/** Also valid as a Home Assistant object id and as an MQTT client id. */
const BIN = /^[A-Za-z0-9_-]{1,64}$/;

/** Returns whether a text is a valid id of a bin. */
export const isBinId = (text: string): boolean => BIN.test(text);

/** Returns the full topic. @throws TopicError if the prefix, the bin's id or the topic is not allowed */
export const printTopic = (base: TopicBase, topic: Topic): string =>
  print(base, topic, ({ levels, isPlain }) => levels.every(isPlain), 'No wildcards.');

/** Returns whether a message can be sent on a topic. */
export const isTopic = (base: TopicBase, topic: Topic): boolean => {
  try {
    printUnreservedTopic(base, topic);
    return true;
  } catch {
    return false;
  }
};

/**
 * Returns the full topic of a message that other modules send.
 * @throws TopicError if a part of it is not allowed, or if only the publisher itself sends on it
 */
export const printUnreservedTopic = (base: TopicBase, topic: Topic): string => {
  const full = printTopic(base, topic);
  if (RESERVED.some((reserved) => full === printTopic(base, reserved))) {
    const problem = `reserved for the publisher. Use a topic other than ${RESERVED.join(' and ')}.`;
    throw new TopicError('topic-reserved', `topic ${JSON.stringify(full)}: ${problem}`);
  }
  return full;
};

/** Returns the full topic filter. @throws TopicError if the prefix, the bin's id or the filter is not allowed */
export const printFilter = (base: TopicBase, filter: Topic): string =>
  print(
    base,
    filter,
    ({ levels, isPlain }) =>
      levels.every(
        (level, index) => level === '+' || (level === '#' && index === levels.length - 1) || isPlain(level),
      ),
    'The wildcard "+" is a whole level, "#" is the last one.',
  );

/** Returns whether a topic matches a filter, both full (MQTT 5.0, section 4.7). */
export const matchesFilter = (filter: string, topic: string): boolean => {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const levels = topic.split('/');
  const wanted = filter.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
};

interface Levels {
  readonly levels: readonly string[];
  /** Returns whether a level contains neither a wildcard nor a character that is not allowed. */
  isPlain(level: string): boolean;
}

const print = (
  base: TopicBase,
  topic: Topic,
  isAllowed: (levels: Levels) => boolean,
  wildcards: string,
): string => {
  const beginning = printBase(base);
  const isRelative = typeof topic === 'string';
  const text = isRelative ? topic : topic.absolute;
  const pattern = isRelative ? LEVEL : ABSOLUTE_LEVEL;
  const isPlain = (level: string) => pattern.test(level);
  if (
    text === '' ||
    text.length > TOPIC_MAX_CHARACTERS ||
    (!isRelative && text.startsWith('$')) ||
    !isAllowed({ levels: text.split('/'), isPlain })
  ) {
    const levels = isRelative
      ? 'in levels that "/" separates. No level is empty or contains spaces or control characters.'
      : 'without control characters. The first one is not "$".';
    throw new TopicError(
      'topic-invalid',
      `topic ${JSON.stringify(text)}: not allowed. Use 1 to ${TOPIC_MAX_CHARACTERS} characters ${levels} ${wildcards}`,
    );
  }
  return isRelative ? `${beginning}/${text}` : text;
};

const printBase = ({ prefix, bin }: TopicBase): string => {
  const levels = prefix.split('/');
  if (
    prefix.length > PREFIX_MAX_CHARACTERS ||
    prefix.startsWith('$') ||
    !levels.every((level) => LEVEL.test(level))
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
  return `${prefix}/${bin}`;
};
