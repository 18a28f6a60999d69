import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, type Fault, failed } from '../../../kit/errors.js';
import type { NewId } from '../../../kit/ids.js';
import type { Camera, CameraFault } from '../camera.js';
import { type CameraStream, SupervisedCamera } from '../supervised-camera.js';
import { fixOfBusy } from './faults.js';
import { CameraIdentity } from './identity.js';
import { CameraProcess } from './process.js';
import { formatOf, infoOf } from './properties.js';
import { V4l2Stream } from './stream.js';

export interface V4l2CameraOptions {
  /** Path of sortbin-camera. */
  readonly program: string;
  /** Path or number of the device. */
  readonly device: string;
  /** The camera uses its nearest size and rate. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** auto: MJPEG, or YUYV if the camera offers no MJPEG. */
  readonly format: 'auto' | 'mjpeg' | 'yuyv';
  /** Values by name, set in this order. */
  readonly controls: Readonly<Record<string, number>>;
  /** Number of the kernel's frame buffers. */
  readonly buffers: number;
  readonly startMs: number;
  readonly freezeMs: number;
  /** Number of frames dropped after each start. */
  readonly dropFrames: number;
  /** null: one frame interval plus the exposure time. */
  readonly latencyMs: number | null;
  /** Like `identicalFrames` of SupervisedCamera. */
  readonly identicalFrames: number;
  /** The folder of /dev and /proc. */
  readonly root?: string;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Logger;
}

/** Makes a camera of Video4Linux, for example a USB camera. The process sortbin-camera owns its device. */
export const makeV4l2Camera = (options: V4l2CameraOptions): Camera => {
  const { clock, log, identicalFrames } = options;
  const launcher = new Launcher(options);
  return new SupervisedCamera({ launch: (signal) => launcher.launch(signal), identicalFrames, clock, log });
};

class Launcher {
  readonly #root: string;
  readonly #identity: CameraIdentity;
  /** The reasons that were logged, by control. A restart does not repeat them. */
  readonly #unset = new Map<string, string>();
  #last: CameraProcess | null = null;

  constructor(private readonly options: V4l2CameraOptions) {
    const { device, root = '/' } = options;
    this.#root = root;
    this.#identity = new CameraIdentity(device, root);
  }

  async launch(signal: AbortSignal): Promise<Answer<CameraStream, CameraFault>> {
    // A killed process may still hold the device.
    await this.#last?.close();
    const { program, startMs, freezeMs, latencyMs, clock, newId, log } = this.options;
    const device = this.#identity.path;
    const onUnset = (control: string, reason: string) => this.#logUnset(control, reason);
    const args = this.#args();
    const process = new CameraProcess({ program, args, device, startMs, signal, onUnset, clock, log });
    this.#last = process;
    const answer = await process.ready;
    if (!answer.ok) {
      await process.close();
      return { ok: false, fault: await this.#explain(answer.fault, process) };
    }
    const fault = await this.#identity.check(answer.value.ready);
    if (fault || signal.aborted) {
      process.kill('is not needed any more');
      return fault ? { ok: false, fault } : failed('camera-failed', 'the start was cancelled');
    }
    log.debug({ part: 'camera', childPid: process.pid, device }, 'sortbin-camera started');
    const info = infoOf(answer.value, latencyMs);
    const format = formatOf(answer.value.ready);
    return done(new V4l2Stream(process, { info, format, freezeMs, clock, newId }));
  }

  #logUnset(control: string, reason: string): void {
    if (this.#unset.get(control) === reason) return;
    this.#unset.set(control, reason);
    const key = `camera.controls.${control}`;
    this.options.log.warn(
      { part: 'camera', key },
      `${key}: not set (${reason}). Correct or remove this key.`,
    );
  }

  #args(): string[] {
    const { buffers, freezeMs, startMs, dropFrames, format, width, height, framesPerSecond, controls } =
      this.options;
    return [
      ...['--buffers', `${buffers}`, '--freeze-ms', `${freezeMs}`],
      ...['--start-ms', `${startMs}`, '--skip', `${dropFrames}`],
      ...(format === 'auto' ? [] : ['--format', format]),
      ...[this.#identity.path, `${width}x${height}`, `${framesPerSecond}`],
      ...Object.entries(controls).map(([name, value]) => `${name}=${value}`),
    ];
  }

  async #explain(fault: Fault<CameraFault>, { hasVersion }: CameraProcess): Promise<Fault<CameraFault>> {
    const { code, message } = fault;
    if (code === 'camera-busy')
      return { code, message: `${message} ${await fixOfBusy(this.#identity.path, this.#root)}` };
    if (hasVersion) return fault;
    const { program } = this.options;
    const check = `Check that ${program} exists, is executable, is built for this machine, and belongs to this release.`;
    return { code, message: `${message}. ${check}` };
  }
}
