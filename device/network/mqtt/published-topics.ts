import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { z } from 'zod';
import { writeDurably } from '../../kit/durable-file.js';
import { messageOf } from '../../kit/errors.js';

const schema = z.object({ schema: z.literal(1), topics: z.array(z.string().min(1).max(1_000)).max(1_000) });

/**
 * The topics of the retained messages that the broker may have, in a file. When the id of the bin or the prefix has
 * changed, the old ones can be removed.
 */
export class PublishedTopics {
  #saved: string;
  #own: readonly string[] = [];
  readonly #old: Set<string>;

  constructor(
    private readonly path: string,
    /** The beginning of all topics of the bin. */
    base: string,
    private readonly log: Logger,
  ) {
    const topics = this.#read();
    this.#saved = JSON.stringify(topics);
    this.#old = new Set(topics.filter((topic) => !topic.startsWith(base)));
  }

  /** The topics of an earlier id or prefix. */
  get old(): readonly string[] {
    return [...this.#old];
  }

  /** Writes the topics of the bin, if they have changed. Never throws: without the file, only old topics stay on the broker. */
  save(own: readonly string[]): void {
    this.#own = own;
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
    const topics = [...this.#own, ...this.#old];
    const text = JSON.stringify(topics);
    if (text === this.#saved) return;
    try {
      writeDurably(this.path, `${JSON.stringify({ schema: 1, topics })}\n`);
      this.#saved = text;
    } catch (thrown) {
      this.log.warn({ part: 'broker' }, `failed to write ${this.path}: ${messageOf(thrown)}`);
    }
  }
}
