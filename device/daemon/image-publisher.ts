import type { Logger } from 'pino';
import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import type { Policy } from '../cycle/policy.js';
import type { Finished } from '../cycle/state.js';
import type { Frame } from '../hardware/camera/camera.js';
import type { Clock } from '../kit/clock.js';
import { withDeadline } from '../kit/deadline.js';
import { messageOf } from '../kit/errors.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import type { ModelSlot } from '../perception/model/model.js';

/** The topic is for people, not for training. */
const MAX_SIDE = 640;
const ENCODE_MS = 5_000;

/** Publishes the picture of each item, not retained. While one is encoded, only the newest other one waits. */
export class ImagePublisher implements Observer {
  #isBusy = false;
  #next: Frame | null = null;

  constructor(
    private readonly publisher: Pick<Publisher, 'publish' | 'status'>,
    private readonly model: Pick<ModelSlot<Policy>, 'use'>,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  async event(_event: BinEvent, finished?: Finished): Promise<void> {
    const frame = finished?.item.frame;
    if (!frame || !this.publisher.status().connected) return;
    this.#next = frame;
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#take(); next; next = this.#take()) await this.#publish(next);
    } finally {
      this.#isBusy = false;
    }
  }

  #take(): Frame | null {
    const frame = this.#next;
    this.#next = null;
    return frame;
  }

  /** A picture that cannot be encoded or sent is left out. */
  async #publish(frame: Frame): Promise<void> {
    const { publisher, model, clock, log } = this;
    try {
      const encode = (signal: AbortSignal) =>
        model.use(({ vision }) => vision.toJpeg(frame, signal, MAX_SIDE));
      const jpeg = await withDeadline(clock, ENCODE_MS, encode);
      const sent = jpeg.ok ? await publisher.publish('image', jpeg.value, { qos: 0 }) : jpeg;
      if (!sent.ok)
        log.debug(
          { frame: frame.id, code: sent.fault.code },
          `the picture was not published: ${sent.fault.message}`,
        );
    } catch (error) {
      log.debug({ frame: frame.id }, `the picture was not published: ${messageOf(error)}`);
    }
  }
}
