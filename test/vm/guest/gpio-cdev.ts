import { closeSync, openSync } from 'node:fs';
import { ioctl } from './ioctl.js';

/** From linux/gpio.h, version 2. The sizes are part of the ABI and the same on every 64-bit machine. */
const GET_LINE_INFO = 0xc100b405;
const GET_LINE = 0xc250b407;
const GET_VALUES = 0xc010b40e;
const SET_VALUES = 0xc010b40f;
const FLAG_USED = 1n;
const FLAG_INPUT = 4n;
const FLAG_OUTPUT = 8n;
const ATTRIBUTE_VALUES = 2;

const text = (buffer: Buffer, from: number) => buffer.toString('latin1', from, buffer.indexOf(0, from));

export interface LineInfo {
  readonly name: string;
  readonly used: boolean;
  readonly consumer: string;
  readonly direction: 'input' | 'output';
}

/** Reads the state of a line from the kernel, also if another process holds it. `chip` is a device name (`gpiochip0`). */
export const lineInfo = (chip: string, offset: number): LineInfo => {
  const info = Buffer.alloc(256);
  info.writeUInt32LE(offset, 64);
  const file = openSync(`/dev/${chip}`, 'r+');
  try {
    ioctl(file, GET_LINE_INFO, info);
  } finally {
    closeSync(file);
  }
  const flags = info.readBigUInt64LE(72);
  return {
    name: text(info, 0),
    consumer: text(info, 32),
    used: (flags & FLAG_USED) !== 0n,
    direction: flags & FLAG_OUTPUT ? 'output' : 'input',
  };
};

/** A line held by this process, to make it busy for a driver. */
export class HeldLine {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  static input(chip: string, offset: number, consumer = 'other'): HeldLine {
    return HeldLine.#request(chip, offset, consumer, FLAG_INPUT, null);
  }

  static output(chip: string, offset: number, level: 0 | 1, consumer = 'other'): HeldLine {
    return HeldLine.#request(chip, offset, consumer, FLAG_OUTPUT, level);
  }

  static #request(chip: string, offset: number, consumer: string, flags: bigint, level: 0 | 1 | null) {
    const request = Buffer.alloc(592);
    request.writeUInt32LE(offset, 0);
    request.write(consumer, 256, 31);
    request.writeBigUInt64LE(flags, 288);
    if (level !== null) {
      request.writeUInt32LE(1, 296);
      request.writeUInt32LE(ATTRIBUTE_VALUES, 320);
      request.writeBigUInt64LE(BigInt(level), 328);
      request.writeBigUInt64LE(1n, 336);
    }
    request.writeUInt32LE(1, 560);
    const file = openSync(`/dev/${chip}`, 'r+');
    try {
      ioctl(file, GET_LINE, request);
    } finally {
      closeSync(file);
    }
    return new HeldLine(request.readInt32LE(588));
  }

  get(): 0 | 1 {
    const values = Buffer.alloc(16);
    values.writeBigUInt64LE(1n, 8);
    ioctl(this.#file, GET_VALUES, values);
    return values.readBigUInt64LE(0) & 1n ? 1 : 0;
  }

  set(level: 0 | 1): void {
    const values = Buffer.alloc(16);
    values.writeBigUInt64LE(BigInt(level), 0);
    values.writeBigUInt64LE(1n, 8);
    ioctl(this.#file, SET_VALUES, values);
  }

  release(): void {
    closeSync(this.#file);
  }
}
