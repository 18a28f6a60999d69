import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeDurably } from '../../kit/durable-file.js';
import { messageOf } from '../../kit/errors.js';

const MAX_TOPICS = 1_000;
const topic = z.string().min(1).max(1_000);
const schema = z.object({
  schema: z.literal(1),
  topics: z.array(topic).max(MAX_TOPICS),
  /** The topics that do not begin with the base of their bin, with that base. */
  outside: z.record(topic, topic).default({}),
});
type Stored = z.infer<typeof schema>;

/**
 * The topics of the retained messages that the broker may have, in a file. When the id of the bin or the prefix has
 * changed, the old ones can be removed.
 */
export class PublishedTopics {
  #saved: string;
  #own: readonly string[] = [];
  readonly #unused = new Set<string>();
  /** With the base of the bin; null: unknown. */
  readonly #old = new Map<string, string | null>();

  constructor(
    private readonly path: string,
    /** The beginning of all topics of the bin, except for absolute ones. */
    private readonly base: string,
    private readonly log: Logger,
  ) {
    const { topics, outside } = this.#read();
    this.#saved = textOf({ topics, outside });
    for (const name of topics) {
      const owner = outside[name] ?? null;
      if (name.startsWith(base) || owner === base) this.#unused.add(name);
      else this.#old.set(name, owner);
    }
  }

  /** The topics of an earlier id or prefix. */
  get old(): readonly string[] {
    return [...this.#old.keys()];
  }

  /** Returns the old topics of the bin whose topics begin with `base`. */
  oldOf(base: string): readonly string[] {
    return this.old.filter((name) => name.startsWith(base) || this.#old.get(name) === base);
  }

  /** The topics of the bin that the last run has published, and this one has not. */
  get unused(): readonly string[] {
    return [...this.#unused];
  }

  /** Writes the topics of the bin, if they have changed. Never throws: without the file, only old topics stay on the broker. */
  save(own: readonly string[]): void {
    this.#own = own;
    for (const name of own) {
      this.#unused.delete(name);
      this.#old.delete(name);
    }
    this.#write();
  }

  /** Records that an old topic has been removed. Never throws. */
  forget(old: string): void {
    this.#old.delete(old);
    this.#write();
  }

  /** Returns the topics of the last run; none if the file is missing or damaged. */
  #read(): Omit<Stored, 'schema'> {
    try {
      return schema.parse(JSON.parse(readFileSync(this.path, 'utf8')));
    } catch {
      return { topics: [], outside: {} };
    }
  }

  #write(): void {
    const ours = [...this.#own, ...this.#unused];
    const topics = [...ours, ...this.#old.keys()].slice(0, MAX_TOPICS);
    const owners = [
      ...ours.filter((name) => !name.startsWith(this.base)).map((name) => [name, this.base] as const),
      ...[...this.#old].filter((entry): entry is [string, string] => entry[1] !== null),
    ];
    const outside = Object.fromEntries(owners);
    const text = textOf({ topics, outside });
    if (text === this.#saved) return;
    try {
      writeDurably(this.path, `${JSON.stringify({ schema: 1, topics, outside })}\n`);
      this.#saved = text;
    } catch (thrown) {
      this.log.warn({ part: 'broker' }, `failed to write ${this.path}: ${messageOf(thrown)}`);
    }
  }
}

/** Equal for the same topics in another order. */
const textOf = ({ topics, outside }: Omit<Stored, 'schema'>): string =>
  JSON.stringify([[...topics].sort(), Object.entries(outside).sort()]);
