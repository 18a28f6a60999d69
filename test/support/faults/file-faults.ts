import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { compilePreloaded } from './preloaded.js';

const MODES = { off: 0, count: 1, kill: 2, full: 3 } as const;
const HEADER_BYTES = 16;
const COUNT_AT = 8;
const FAILED_AT = 12;

/**
 * A fault-injecting file layer under a real program, for all its threads and for SQLite: it ends the program at one of
 * its changes of the disk, or lets the disk be full. `KillPoints` is the same for code in the process of the test.
 */
export class FileFaults {
  private constructor(
    private readonly file: string,
    /** For the program. */
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** `under`: only changes below this folder count. */
  static async make(folder: string, under: string): Promise<FileFaults> {
    const file = join(folder, 'file-faults');
    writeFileSync(file, Buffer.alloc(HEADER_BYTES));
    const library = await compilePreloaded('file-faults.c', folder);
    // Otherwise the program could change files without a call of the C library.
    const environment = {
      LD_PRELOAD: library,
      FILE_FAULTS: file,
      FILE_FAULTS_UNDER: under,
      UV_USE_IO_URING: '0',
    };
    return new FileFaults(file, environment);
  }

  /** Counts changes from now on. `changes` returns them. */
  count(): void {
    this.#write(MODES.count, 0);
  }

  /** Ends the program by SIGKILL before change `number`, from 1. */
  killAt(number: number): void {
    this.#write(MODES.kill, number);
  }

  /** Lets each change from `number` on that needs room fail with ENOSPC, until `off`. */
  fullFrom(number: number): void {
    this.#write(MODES.full, number);
  }

  off(): void {
    this.#write(MODES.off, 0);
  }

  /** The number of changes since the last call of another method. */
  get changed(): number {
    return this.#read(COUNT_AT);
  }

  /** The number of changes that failed because the disk was full. */
  get failed(): number {
    return this.#read(FAILED_AT);
  }

  /** The changes since `count`: the call and the path below the folder, such as `rename /models/current`. */
  get changes(): readonly string[] {
    return readFileSync(this.file).subarray(HEADER_BYTES).toString().split('\n').filter(Boolean);
  }

  #read(at: number): number {
    return readFileSync(this.file).readInt32LE(at);
  }

  /** The program has mapped the file, which is written in place. */
  #write(mode: number, at: number): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeInt32LE(at, 4);
    header.writeInt32LE(mode, 0);
    const file = openSync(this.file, 'r+');
    writeSync(file, header, 0, header.length, 0);
    closeSync(file);
  }
}
