import type { Logger } from 'pino';
import type { Frame } from '../../hardware/camera/camera.js';
import type { Clock } from '../../kit/clock.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import { FrameProcess } from './frame-process.js';
import type { StartReply } from './protocol.js';
import { FrameQueue } from './queue.js';
import type { FrameQuality, Vision, VisionFault } from './vision.js';

export interface FrameInspectorOptions {
  readonly clock: Clock;
  readonly log: Logger;
}

const START_MS = 20_000;

/**
 * Measures and encodes frames in a vision process without a model, for tools. It needs no configuration and no bundle.
 * The first call starts the process. If it has ended, the next call starts another one.
 */
export class FrameInspector implements Pick<Vision, 'inspect' | 'toJpeg' | 'close'> {
  readonly #queue = new FrameQueue();
  #process: InspectorProcess | null = null;
  #isClosed = false;

  constructor(private readonly options: FrameInspectorOptions) {}

  inspect(frame: Frame, signal: AbortSignal): Promise<Answer<FrameQuality, VisionFault>> {
    return this.#run(signal, (process) => process.inspect(frame, signal));
  }

  toJpeg(frame: Frame, signal: AbortSignal, maxSide?: number): Promise<Answer<Uint8Array, VisionFault>> {
    return this.#run(signal, (process) => process.toJpeg(frame, signal, maxSide ?? null));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#process?.close();
  }

  #run<T>(
    signal: AbortSignal,
    work: (process: InspectorProcess) => Promise<Answer<T, VisionFault>>,
  ): Promise<Answer<T, VisionFault>> {
    return this.#queue.run(signal, async () => {
      if (this.#isClosed) return failed('vision-down', 'the frame inspector is closed');
      if (!this.#process || this.#process.fault)
        this.#process = new InspectorProcess(null, { ...this.options, startMs: START_MS });
      return work(this.#process);
    });
  }
}

/** A vision process without a model. It answers frames also before it is ready. */
class InspectorProcess extends FrameProcess<null> {
  protected override onStart(message: StartReply): void {
    if (message.type === 'ready') this.settleReady(done(null));
    else if (message.type === 'refused') this.kill(`refused to start: ${message.message}`);
  }
}
