import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export const MJPG = 0x47504a4d;
export const YUYV = 0x56595559;
export const FLAGS = { error: 0x40, monotonic: 0x2000, startOfExposure: 0x10000 } as const;
/** Numbers of the V4L2 ioctls that can fail. 0 is `open`. */
export const CALL = { open: 0, setFormat: 5, requestBuffers: 8, streamOn: 18 } as const;
/** The error of a record that is the event V4L2_EVENT_SOURCE_CHANGE. */
export const SOURCE_CHANGE = -1;
export const ERRNO = { EIO: 5, EACCES: 13, EBUSY: 16, ENOSPC: 28 } as const;

const CAPTURE = 0x1;
const STREAMING = 0x0400_0000;

export interface DeviceOptions {
  readonly card?: string;
  readonly bus?: string;
  readonly canCapture?: boolean;
  readonly canStream?: boolean;
  /** The only format of the device. */
  readonly format?: number;
  /** Number of controls in addition to the usual four, at most 100. */
  readonly moreControls?: number;
  /** Number of the video input. */
  readonly input?: number;
  /** The call that fails, and its error. */
  readonly failure?: { readonly call: number; readonly errno: number };
}

export interface FakeFrame {
  readonly sequence: number;
  readonly atNs?: bigint;
  readonly flags?: number;
  readonly bytes?: number;
  /** The first bytes of the frame. */
  readonly start?: readonly number[];
  readonly errno?: number;
}

/** The server of one /dev/videoN of device.c, which describes the two structures. */
export class FakeDevice {
  readonly #server: Server;
  #stream: Socket | null = null;
  #wake: () => void = () => {};

  private constructor(options: DeviceOptions) {
    const open = new Set<Socket>();
    this.#server = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => {}).on('close', () => open.delete(socket));
      socket.on('data', () => {
        this.#stream = socket;
        this.#wake();
      });
      socket.write(structureOf(options));
    });
    this.#server.on('close', () => {
      for (const socket of open) socket.destroy();
    });
  }

  static async plug(folder: string, number: number, options: DeviceOptions = {}): Promise<FakeDevice> {
    const device = new FakeDevice(options);
    device.#server.listen(join(folder, `video${number}`));
    await once(device.#server, 'listening');
    return device;
  }

  /** Waits until the stream is on. */
  async started(): Promise<void> {
    while (!this.#stream) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends the buffer of a good MJPG frame, or what differs from it. */
  send(frame: FakeFrame): void {
    const record = Buffer.alloc(32);
    record.writeUInt32LE(frame.flags ?? FLAGS.monotonic | FLAGS.startOfExposure, 0);
    record.writeUInt32LE(frame.bytes ?? 1000, 4);
    record.writeUInt32LE(frame.sequence, 8);
    record.writeInt32LE(frame.errno ?? 0, 12);
    record.writeBigUInt64LE((frame.atNs ?? process.hrtime.bigint()) / 1000n, 16);
    record.set(frame.start ?? [0xff, 0xd8, 0xff, 0xdb], 24);
    this.#stream?.write(record);
  }

  /** Closes the device. Removes its path. */
  unplug(): void {
    this.#server.close();
    this.#stream?.destroy();
    this.#stream = null;
  }
}

const structureOf = (options: DeviceOptions): Buffer => {
  const structure = Buffer.alloc(88);
  structure.write(options.card ?? 'Fake Camera', 0, 'latin1');
  structure.write(options.bus ?? 'usb-1', 32, 'latin1');
  const capture = options.canCapture === false ? 0 : CAPTURE;
  structure.writeUInt32LE(capture | (options.canStream === false ? 0 : STREAMING), 64);
  structure.writeUInt32LE(options.format ?? MJPG, 68);
  structure.writeUInt32LE(options.failure?.call ?? 0, 72);
  structure.writeInt32LE(options.failure?.errno ?? 0, 76);
  structure.writeUInt32LE(options.moreControls ?? 0, 80);
  structure.writeUInt32LE(options.input ?? 0, 84);
  return structure;
};
