import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { ioctl } from './ioctl.js';

/** From linux/videodev2.h. The sizes are part of the ABI and the same on every 64-bit machine. */
const S_FMT = 0xc0d05605;
const STREAMON = 0x40045612;
const FORMAT_BYTES = 208;
const OUTPUT = 2;
const MJPG = 0x47504a4d;
const NO_FIELDS = 1;

const FRAME_MS = 100;

/**
 * A camera with MJPEG, simulated by the kernel module v4l2loopback. The test writes its frames.
 * It announces itself as a camera after the first frame. If the frames end, it only waits, like a hung camera.
 * The kernel writes into the oldest buffer, also if a program holds that buffer.
 */
export class Loopback {
  readonly card = 'Loopback camera';
  readonly device: string;
  #file: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  private constructor(private readonly number: number) {
    this.device = `/dev/video${number}`;
  }

  static create(number = 7): Loopback {
    const loopback = new Loopback(number);
    loopback.plug();
    return loopback;
  }

  /** Writes a frame each 100 ms. `frame` makes each frame from its number. */
  feed(frame: (number: number) => Buffer, { width = 640, height = 480 } = {}): void {
    this.stop();
    const file = openSync(this.device, 'r+');
    this.#file = file;
    const format = Buffer.alloc(FORMAT_BYTES);
    format.writeUInt32LE(OUTPUT, 0);
    for (const [index, value] of [width, height, MJPG, NO_FIELDS].entries())
      format.writeUInt32LE(value, 8 + 4 * index);
    ioctl(file, S_FMT, format);
    // Without it, the device accepts no other format after these frames.
    const type = Buffer.alloc(4);
    type.writeUInt32LE(OUTPUT);
    ioctl(file, STREAMON, type);
    let number = 0;
    const write = () => {
      writeSync(file, frame(number));
      number += 1;
    };
    write();
    this.#timer = setInterval(write, FRAME_MS);
  }

  /** Ends the frames. When no program has the device open any more, it is no camera. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#file !== null) closeSync(this.#file);
    this.#timer = null;
    this.#file = null;
  }

  plug(): void {
    const options = [
      `video_nr=${this.number}`,
      `card_label=${this.card}`,
      'exclusive_caps=1',
      'max_buffers=8',
    ];
    execFileSync('modprobe', ['v4l2loopback', ...options]);
  }

  /** Stops and removes the device. Returns false if a program still has it open. */
  unplug(): boolean {
    this.stop();
    try {
      execFileSync('modprobe', ['-r', 'v4l2loopback'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }
}
