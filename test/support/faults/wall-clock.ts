import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { compilePreloaded } from './preloaded.js';

/** A wall clock for one program, which a test sets to another time before its start, or while it runs. */
export class WallClock {
  private constructor(
    private readonly file: string,
    /** For the program. */
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async make(folder: string): Promise<WallClock> {
    const file = join(folder, 'wall-clock');
    const library = await compilePreloaded('wall-clock.c', folder);
    const clock = new WallClock(file, { LD_PRELOAD: library, WALL_CLOCK: file });
    clock.setRight();
    return clock;
  }

  /** Sets the time. It goes on from there. */
  set(wallMs: number): void {
    this.#write(Math.round((wallMs - Date.now()) / 1_000));
  }

  setRight(): void {
    this.#write(0);
  }

  /** The program has mapped the file, which is written in place. */
  #write(shiftSeconds: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(shiftSeconds));
    const file = openSync(this.file, constants.O_RDWR | constants.O_CREAT);
    writeSync(file, bytes, 0, bytes.length, 0);
    closeSync(file);
  }
}
