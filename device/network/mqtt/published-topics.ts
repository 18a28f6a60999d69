import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeDurably } from '../../kit/durable-file.js';
import { messageOf } from '../../kit/errors.js';

const MAX_TOPICS = 1_000;
const topic = z.string().min(1).max(1_000);
const schema = z.object({ schema: z.literal(1), topics: z.array(topic).max(MAX_TOPICS) });

/**
 * The topics of the retained messages that the broker may have, in a file. When the id of the bin or the prefix has
 * changed, the old ones can be removed.
 */
export class PublishedTopics {
  #saved: string;
  #own: readonly string[] = [];
  readonly #unused: Set<string>;
  readonly #old: Set<string>;

  constructor(
    private readonly path: string,
    /** The beginning of all topics of the bin. */
    base: string,
    private readonly log: Logger,
  ) {
    const topics = this.#read();
    this.#saved = textOf(topics);
    this.#unused = new Set(topics.filter((name) => name.startsWith(base)));
    this.#old = new Set(topics.filter((name) => !name.startsWith(base)));
  }

  /** The topics of an earlier id or prefix. */
  get old(): readonly string[] {
    return [...this.#old];
  }

  /** The topics of the bin that the last run has published, and this one has not. */
  get unused(): readonly string[] {
    return [...this.#unused];
  }

  /** Writes the topics of the bin, if they have changed. Never throws: without the file, only old topics stay on the broker. */
  save(own: readonly string[]): void {
    this.#own = own;
    for (const name of own) this.#unused.delete(name);
    this.#write();
  }

  /** Records that an old topic has been removed. Never throws. */
  forget(old: string): void {
    this.#old.delete(old);
    this.#write();
  }

  /** Returns the topics of the last run; none if the file is missing or damaged. */
  #read(): string[] {
    try {
      return schema.parse(JSON.parse(readFileSync(this.path, 'utf8'))).topics;
    } catch {
      return [];
    }
  }

  #write(): void {
    const topics = [...this.#own, ...this.#unused, ...this.#old].slice(0, MAX_TOPICS);
    const text = textOf(topics);
    if (text === this.#saved) return;
    try {
      writeDurably(this.path, `${JSON.stringify({ schema: 1, topics })}\n`);
      this.#saved = text;
    } catch (thrown) {
      this.log.warn({ part: 'broker' }, `failed to write ${this.path}: ${messageOf(thrown)}`);
    }
  }
}

/** Equal for the same topics in another order. */
const textOf = (topics: readonly string[]): string => JSON.stringify([...topics].sort());
