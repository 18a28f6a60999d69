import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../kit/durable-file.js';

/** File name, in `dataDir`. */
export const UNRECORDED_FILE = 'unrecorded.json';
/** The size of the file never changes, so that it can be overwritten on a full disk. */
const FILE_BYTES = 256;

const schema = z.looseObject({ epoch: z.string(), unrecorded: z.number().int().min(0) });

/** The number of events of a journal that could not be recorded. It is kept in a file with reserved space. */
export class UnrecordedCount {
  readonly #path: string;
  #total: number;
  #isSaved: boolean;

  /** The count of another epoch does not belong to this journal. */
  constructor(
    dataDir: string,
    private readonly epoch: string,
  ) {
    this.#path = join(dataDir, UNRECORDED_FILE);
    const found = read(this.#path);
    this.#isSaved = found?.epoch === epoch;
    this.#total = this.#isSaved ? (found?.unrecorded ?? 0) : 0;
    this.save();
  }

  get total(): number {
    return this.#total;
  }

  add(count: number): void {
    this.#total += count;
    this.#isSaved = false;
    this.save();
  }

  /** Writes the count if it is not on disk yet. Never throws: a journal that fails must not fail because of its count. */
  save(): void {
    if (this.#isSaved) return;
    const text = JSON.stringify({ schema: 1, epoch: this.epoch, unrecorded: this.#total });
    const content = `${text.padEnd(FILE_BYTES - 1)}\n`;
    try {
      if (!overwrite(this.#path, content)) writeDurably(this.#path, content);
      this.#isSaved = true;
    } catch {
      // The next change of the journal tries again.
    }
  }
}

const read = (path: string): z.infer<typeof schema> | undefined => {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
};

/** Returns whether the file exists. */
const overwrite = (path: string, content: string): boolean => {
  let handle: number;
  try {
    handle = openSync(path, 'r+');
  } catch {
    return false;
  }
  try {
    writeSync(handle, content, 0);
    fdatasyncSync(handle);
    return true;
  } finally {
    closeSync(handle);
  }
};
