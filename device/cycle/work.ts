import type { Logger } from 'pino';
import type { Camera, CameraFault, Frame } from '../hardware/camera/camera.js';
import type { Fill } from '../hardware/fill/fill.js';
import type { Gate } from '../hardware/gate/gate.js';
import type { Light } from '../hardware/panel/panel.js';
import type { TriggerSource } from '../hardware/trigger/trigger.js';
import type { Clock } from '../kit/clock.js';
import type { Answer } from '../kit/errors.js';
import type { NewId } from '../kit/ids.js';
import type { Vision } from '../perception/vision/vision.js';
import { applyCapacity, type Capacity, decide, type Policy, thresholdsOf } from './policy.js';
import { attempt, type Progress } from './progress.js';
import type { Request, Response } from './state.js';

/** What classifies an item and decides about it. Both belong together: the policy names labels of the model. */
export interface Serving {
  readonly vision: Vision;
  readonly policy: Policy;
}

/** The model that serves now. It may be swapped between two items. */
export interface ServingModel {
  /** Runs `work` for one item. The model is not closed before `work` has ended. */
  use<T>(work: (serving: Serving) => Promise<T>): Promise<T>;
}

/** The parts that the steps of a cycle use. */
export interface WorkParts {
  readonly trigger: TriggerSource;
  readonly camera: Camera;
  readonly model: ServingModel;
  readonly gate: Gate;
  /** Light for the camera; undefined: none. */
  readonly light?: Light;
  /** Fill levels; undefined: not measured. */
  readonly fill?: Pick<Fill, 'levels'>;
  /** Watches the progress of the parts; undefined: no watchdog. */
  readonly progress?: Progress;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Logger;
}

/** The steps that the machine requests, without the journal and the pause. */
export type Step = Exclude<Request, { kind: 'record' | 'pause' }>;

/** Performs the steps of a cycle. The caller sets the deadlines. */
export class Work {
  constructor(
    private readonly parts: WorkParts,
    /** Rule for an item whose compartment is full. */
    private readonly whenFull: Capacity['whenFull'],
  ) {}

  async perform(step: Step, signal: AbortSignal): Promise<Answer<Response>> {
    const { gate } = this.parts;
    switch (step.kind) {
      case 'home':
        return then(await gate.home(signal), () => ({ kind: 'homed' }));
      case 'capture':
        return then(await this.#capture(step.afterMs, signal), (frame) => ({ kind: 'frame', frame }));
      case 'classify':
        return this.#classify(step.frame, signal);
      case 'move':
        return then(await gate.move(step.compartment, signal), (move) => ({ kind: 'moved', move }));
      case 'level':
        return this.#level(signal);
    }
  }

  /** Takes a frame with the light on: it is then newer than the light. If the light fails, the bin still sorts. */
  async #capture(afterMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const { light, clock, log } = this.parts;
    if (!light) return this.#frameAfter(afterMs, signal);
    const lightOn = new AbortController();
    try {
      const on = await light.on(AbortSignal.any([signal, lightOn.signal]));
      if (!on.ok) log.warn({ part: 'light', code: on.fault.code }, on.fault.message);
      return await this.#frameAfter(on.ok ? Math.max(afterMs, clock.monotonicMs()) : afterMs, signal);
    } finally {
      lightOn.abort(new Error('the frame was taken'));
    }
  }

  #frameAfter(afterMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const { camera, progress } = this.parts;
    return attempt(
      progress,
      'camera',
      () => camera.frameAfter(afterMs, signal),
      (answer) => answer.ok || NEEDS_A_PERSON.has(answer.fault.code),
    );
  }

  /** Classifies and decides with the same model, even if another one becomes active meanwhile. */
  #classify(frame: Frame, signal: AbortSignal): Promise<Answer<Response>> {
    const { model, clock, progress } = this.parts;
    return model.use(async ({ vision, policy }) => {
      const classify = () => vision.classify(frame, signal);
      const answer = await attempt(progress, 'vision', classify, hasAnswered);
      return then(answer, (classification) => {
        const startMs = clock.monotonicMs();
        const capacity = { full: this.#full(), whenFull: this.whenFull };
        const decision = applyCapacity(decide(classification, policy), policy, capacity);
        const decideMs = clock.monotonicMs() - startMs;
        return { kind: 'classified', classification, decision, thresholds: thresholdsOf(policy), decideMs };
      });
    });
  }

  /** Reads the sensor. An item that is still present gets a new trigger. */
  async #level(signal: AbortSignal): Promise<Answer<Response>> {
    const { trigger, clock, newId } = this.parts;
    const present = await trigger.level(signal);
    const stillThere = {
      id: newId(),
      source: 'still-there',
      atMs: clock.monotonicMs(),
      wallMs: clock.wallMs(),
    };
    return { ok: true, value: { kind: 'level', present, trigger: stillThere, itemId: newId() } };
  }

  #full(): ReadonlySet<string> {
    const full = (this.parts.fill?.levels() ?? []).filter((level) => level.full);
    return new Set(full.map(({ compartment }) => compartment));
  }
}

/** Faults that a restart of the daemon does not cure. The driver reports them, so it makes progress. */
const NEEDS_A_PERSON: ReadonlySet<CameraFault> = new Set([
  'camera-missing',
  'camera-denied',
  'camera-busy',
  'camera-unsupported',
]);

/** A vision that rejects a picture works. */
const hasAnswered = (answer: Answer<unknown>): boolean =>
  answer.ok || answer.fault.code.startsWith('picture-');

const then = <T>(given: Answer<T>, make: (value: T) => Response): Answer<Response> =>
  given.ok ? { ok: true, value: make(given.value) } : given;
