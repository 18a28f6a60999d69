import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { sleep, untilAborted } from '../../../kit/deadline.js';
import { deferred } from '../../../kit/deferred.js';
import { type Answer, done, type Fault, failed, messageOf } from '../../../kit/errors.js';
import type { NewId } from '../../../kit/ids.js';
import { SerialQueue } from '../../../kit/serial-queue.js';
import type { Camera, CameraFault, CameraInfo, Frame } from '../camera.js';
import { findProgram } from '../find-program.js';
import { type CameraStream, SupervisedCamera } from '../supervised-camera.js';
import { type StillOptions, takeStill } from './still.js';

export interface NodeLibcameraOptions extends Omit<StillOptions, 'program' | 'packagePath'> {
  /** Path of rpicam-still. null: from PATH. */
  readonly program: string | null;
  readonly identicalFrames: number;
  readonly newId: NewId;
  readonly log: Logger;
  /** Path of the main file of the package node-libcamera. By default the installed one. @throws if there is none */
  readonly findPackage?: () => string;
}

const PROGRAMS = ['rpicam-still', 'libcamera-still'] as const;

/** Returns the path of the main file of the package node-libcamera. */
export const findNodeLibcamera = (
  find = () => createRequire(import.meta.url).resolve('node-libcamera'),
): Answer<string, CameraFault> => {
  try {
    return done(find());
  } catch {
    return failed(
      'camera-unsupported',
      'the package node-libcamera is not installed. Run npm install node-libcamera@1.0.6, or set camera.driver to rpicam.',
    );
  }
};

/**
 * A camera on the ribbon cable that takes a still for each request, with the package node-libcamera. Each still starts
 * the camera and takes 1 to 7 s. The time of a frame is the time of its request.
 */
export const makeNodeLibcameraCamera = (options: NodeLibcameraOptions): Camera => {
  const { clock, log, identicalFrames } = options;
  return new SupervisedCamera({
    launch: (signal) => launch(options, signal),
    ...{ identicalFrames, clock, log },
  });
};

const launch = async (
  options: NodeLibcameraOptions,
  signal: AbortSignal,
): Promise<Answer<CameraStream, CameraFault>> => {
  const { clock, log } = options;
  const program = await findProgram(options.program, PROGRAMS);
  if (!program.ok) return program;
  const found = findNodeLibcamera(options.findPackage);
  if (!found.ok) return found;
  const stream = new StillStream({ ...options, program: program.value, packagePath: found.value });
  const startMs = clock.monotonicMs();
  const answer = await stream.first(signal);
  if (!answer.ok) return answer;
  const stillMs = Math.round(clock.monotonicMs() - startMs);
  log.warn(
    { part: 'camera', stillMs },
    'node-libcamera starts the camera for each still, which takes 1 to 7 s. The driver rpicam is faster',
  );
  return done(stream);
};

class StillStream implements CameraStream {
  readonly info: CameraInfo;
  readonly #ended = deferred<Fault<CameraFault>>();
  readonly ended = this.#ended.promise;
  readonly #queue = new SerialQueue();
  readonly #closing = new AbortController();
  #newest: Frame | null = null;

  constructor(private readonly options: StillOptions & { readonly newId: NewId }) {
    const { camera, width, height } = options;
    this.info = {
      ...{ driver: 'node-libcamera', model: `camera ${camera}`, size: { width, height }, format: 'jpeg' },
      ...{ framesPerSecond: null, clock: 'request', latencyMs: 0 },
    };
  }

  /** Takes the first still. */
  first(signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    return this.#inTurn(signal, () => this.#take(signal));
  }

  async frameAfter(atMs: number, signal: AbortSignal): Promise<Frame> {
    const { clock } = this.options;
    const answer = await this.#inTurn(signal, async () => {
      if (this.#newest && this.#newest.capturedAtMs > atMs) return done(this.#newest);
      const waitMs = atMs - clock.monotonicMs();
      if (waitMs >= 0) await sleep(clock, waitMs + 1, AbortSignal.any([signal, this.#closing.signal]));
      return this.#take(signal);
    });
    if (answer.ok) return answer.value;
    signal.throwIfAborted();
    this.#ended.resolve(answer.fault);
    return untilAborted(signal);
  }

  async latest(signal: AbortSignal): Promise<Frame> {
    return this.#newest ?? this.frameAfter(Number.NEGATIVE_INFINITY, signal);
  }

  async settings(): Promise<null> {
    return null;
  }

  kill(reason: string): void {
    this.#closing.abort(new Error(`the camera was stopped because it ${reason}`));
    this.#ended.resolve(failed('camera-failed', `the camera was stopped because it ${reason}`).fault);
  }

  async close(): Promise<void> {
    this.kill('is not needed any more');
    await this.#queue.untilIdle();
  }

  /** Returns a fault if the signal is aborted, or the stream is closed. */
  #inTurn(
    signal: AbortSignal,
    work: () => Promise<Answer<Frame, CameraFault>>,
  ): Promise<Answer<Frame, CameraFault>> {
    return this.#queue.run(signal, work).catch((thrown) => failed('camera-failed', messageOf(thrown)));
  }

  async #take(signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const { clock, newId } = this.options;
    const requested = { capturedAtMs: clock.monotonicMs(), capturedAtWallMs: clock.wallMs() };
    const answer = await takeStill(this.options, AbortSignal.any([signal, this.#closing.signal]));
    if (!answer.ok) return answer;
    this.#newest = { id: newId(), bytes: answer.value, ...requested };
    return done(this.#newest);
  }
}
