import type { Frame } from '../../hardware/camera/camera.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import { FrameProcess } from './frame-process.js';
import type { StartReply } from './protocol.js';
import type { Classification, VisionFault, VisionInfo } from './vision.js';

/** A vision process with a model. It reports the active runtime. */
export class VisionProcess extends FrameProcess<VisionInfo> {
  #triedRuntime: string | null = null;

  /** Title of the runtime that the process tried last: the active runtime, or the runtime that ended the process. */
  get triedRuntime(): string | null {
    return this.#triedRuntime;
  }

  classify(frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>> {
    return this.request('classify', frame, signal, (reply) =>
      reply.type === 'result' ? reply.classification : undefined,
    );
  }

  protected override onStart(message: StartReply): void {
    if (message.type === 'trying') this.#triedRuntime = message.title;
    else if (message.type === 'refused') this.settleReady(failed(message.code, message.message));
    else if (message.info) this.settleReady(done(message.info));
    else this.killInvalid('it has no model');
  }
}
