import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../kit/clock.js';
import { sleep, untilAborted } from '../../kit/deadline.js';
import { type Answer, done, failed, messageOf, SortbinError } from '../../kit/errors.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import type { NewId } from '../../kit/ids.js';
import type { Camera, CameraFault, CameraInfo, CameraSettings, Frame } from './camera.js';

/** The result of one capture. `picture` is the path of an image relative to the folder. */
export type CameraStep =
  | { readonly picture: string }
  | { readonly fault: CameraFault }
  | { readonly stale: true }
  | { readonly garbage: true }
  | { readonly hang: true };

export interface SimulatedCameraOptions {
  readonly folder: string;
  /** One step per capture, repeated from the start. */
  readonly script: readonly CameraStep[];
  readonly delayMs: number;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Reads an image file. By default from the disk. */
  readonly read?: (path: string) => Promise<Uint8Array>;
}

const STALE_MS = 1_000;
const CLOSED = 'the camera is closed';
/** Time after which the start of a camera that hangs fails. */
const START_MS = 5_000;

/** A camera without hardware. Its script selects the images of a folder, and the faults. */
export class SimulatedCamera implements Camera {
  #captures = 0;
  readonly #closing = new AbortController();
  readonly #health = new HealthReporter<CameraFault>();

  constructor(private readonly options: SimulatedCameraOptions) {}

  /** Fails if the next step is a missing camera, or one that hangs. */
  async start(signal: AbortSignal): Promise<CameraInfo> {
    signal.throwIfAborted();
    const { folder, clock } = this.options;
    const step = this.#nextStep();
    const hangs = step !== undefined && 'hang' in step;
    if (hangs) await sleep(clock, START_MS, AbortSignal.any([signal, this.#closing.signal]));
    if (hangs || (step && 'fault' in step && step.fault === 'camera-missing')) {
      const { fault } = scriptedFault(hangs ? 'camera-no-frame' : 'camera-missing');
      this.#health.set(fault);
      throw new SortbinError(fault.code, fault.message);
    }
    const info = { driver: 'simulated', model: folder, size: null, format: 'file' } as const;
    return { ...info, framesPerSecond: null, clock: 'exposure', latencyMs: 0 };
  }

  latest(signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    return this.frameAfter(this.options.clock.monotonicMs(), signal);
  }

  async frameAfter(atMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const inner = AbortSignal.any([signal, this.#closing.signal]);
    try {
      const answer = await this.#capture(atMs, inner);
      this.#health.set(answer.ok ? null : answer.fault);
      return answer;
    } catch (error) {
      if (signal.aborted || !inner.aborted) throw error;
      return failed('camera-failed', CLOSED);
    }
  }

  async settings(signal: AbortSignal): Promise<Answer<CameraSettings | null, CameraFault>> {
    signal.throwIfAborted();
    return this.#closing.signal.aborted ? failed('camera-failed', CLOSED) : done(null);
  }

  onHealth(listener: HealthListener<CameraFault>): void {
    this.#health.onHealth(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error(CLOSED));
  }

  async #capture(atMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    signal.throwIfAborted();
    const { script, delayMs, clock, folder, read = readFile } = this.options;
    const step = this.#nextStep();
    this.#captures += 1;
    if (!step)
      return failed('camera-no-frame', `camera.script: the script is empty. Add an image of ${folder}.`);
    if ('hang' in step) await untilAborted(signal);
    await sleep(clock, Math.max(delayMs, atMs - clock.monotonicMs()), signal);
    if ('fault' in step) return scriptedFault(step.fault);
    if ('garbage' in step) return done(this.#frame(new Uint8Array(512).fill(0x5a), 'garbage'));
    const name = 'picture' in step ? step.picture : firstImage(script);
    try {
      const frame = this.#frame(await read(join(folder, name)), name);
      return done('stale' in step ? { ...frame, capturedAtMs: atMs - STALE_MS } : frame);
    } catch (error) {
      return failed('camera-failed', `${join(folder, name)}: ${messageOf(error)}`);
    }
  }

  #nextStep(): CameraStep | undefined {
    const { script } = this.options;
    return script[this.#captures % Math.max(1, script.length)];
  }

  #frame(bytes: Uint8Array, name: string): Frame {
    const { clock, newId } = this.options;
    return { id: newId(), bytes, capturedAtMs: clock.monotonicMs(), capturedAtWallMs: clock.wallMs(), name };
  }
}

const scriptedFault = (fault: CameraFault) =>
  failed(fault, `camera.script: this step returns ${fault}. Change the script.`);

const firstImage = (script: readonly CameraStep[]): string =>
  script.find((step) => 'picture' in step)?.picture ?? '';
