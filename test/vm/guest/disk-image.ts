import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Written } from './cuts.js';
import type { LogEntry } from './write-log.js';

/** The durable content of a disk in a recording, and a file that is a copy of it with further writes. */
export class DiskImage {
  readonly #content: Buffer;
  readonly #copy: number;
  #end = 0;

  /** `image`: the disk before the recording. `copy` is overwritten in place, because a loop device has it open. */
  constructor(image: string, copy: string) {
    this.#content = readFileSync(image);
    this.#copy = openSync(copy, 'r+');
  }

  /** Adds the entries before the index `end`. It never gets smaller. */
  advanceTo(end: number, entries: readonly LogEntry[]): void {
    for (const { kind, position, data } of entries.slice(this.#end, end))
      if (kind === 'write' || kind === 'fua') data.copy(this.#content, position);
    this.#end = end;
  }

  /** Writes the content and some more writes into the copy. */
  writeCopy(written: readonly Written[]): void {
    writeSync(this.#copy, this.#content, 0, this.#content.length, 0);
    for (const { position, data } of written) writeSync(this.#copy, data, 0, data.length, position);
  }

  close(): void {
    closeSync(this.#copy);
  }
}
