import type { Logger } from 'pino';
import type { Camera, CameraFault, Frame } from '../hardware/camera/camera.js';
import type { Fill } from '../hardware/fill/fill.js';
import type { Gate } from '../hardware/gate/gate.js';
import type { Light } from '../hardware/panel/panel.js';
import type { Trigger, TriggerSource } from '../hardware/trigger/trigger.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { DeadlineExceeded, sleep, withDeadline } from '../kit/deadline.js';
import { type Answer, type Fault, messageOf, SortbinError } from '../kit/errors.js';
import type { NewId } from '../kit/ids.js';
import type { Vision } from '../perception/vision/vision.js';
import {
  type BinEvent,
  type EventBody,
  finishedBody,
  interruptedBody,
  type OperatorReport,
  type Origin,
  operatorReportBody,
  type StartedBody,
  startedBody,
} from './event.js';
import { step } from './machine.js';
import { applyCapacity, type Capacity, decide, type Policy } from './policy.js';
import {
  type Effect,
  type Finished,
  type Input,
  initialState,
  type Limits,
  type Part,
  type Phase,
  type Request,
  type Response,
  type State,
} from './state.js';

export interface Parts {
  readonly trigger: TriggerSource;
  readonly camera: Camera;
  readonly vision: Vision;
  readonly gate: Gate;
  /** Light for the camera; undefined: none. */
  readonly light?: Light;
  /** Fill levels; undefined: not measured. */
  readonly fill?: Pick<Fill, 'levels'>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Logger;
}

export interface CycleOptions {
  readonly bin: string;
  readonly policy: Policy;
  /** Rule for an item whose compartment is full. */
  readonly whenFull: Capacity['whenFull'];
  readonly limits: Limits;
}

/** An event in the journal, with the finished item that it describes. */
export interface Journalled {
  readonly event: BinEvent;
  readonly finished: Finished;
}

/** Receives the events of a runner. */
export interface RunnerObserver {
  phase?(phase: Phase): void;
  health?(part: Part, fault: Fault | null): void;
  /** An item's event is on disk. */
  journalled?(journalled: Journalled): void;
  /** An operator's report is on disk. */
  reported?(event: BinEvent): void;
}

/** Performs the machine's effects, each within its deadline, and passes the answers back to the machine. */
export class Runner {
  #state: State = initialState;
  readonly #stopping = new AbortController();
  readonly #writing = new Set<Promise<void>>();

  constructor(
    private readonly parts: Parts,
    private readonly options: CycleOptions,
    private readonly observer: RunnerObserver = {},
  ) {}

  get phase(): Phase {
    return this.#state.phase;
  }

  /** Finishes the rows of an earlier run as `interrupted`, moves the gate home and starts the trigger. */
  async start(): Promise<void> {
    const { journal, trigger, newId, log } = this.parts;
    for (const row of await journal.unfinished()) {
      const event = interruptedBody(row.body as StartedBody);
      await journal.finish(row.id, event);
      log.warn({ id: row.id, at: event.at }, 'finished an item of an earlier run as interrupted');
    }
    this.#take({ type: 'start' });
    trigger.start((fired) => this.#take({ type: 'trigger', trigger: fired, itemId: newId() }));
  }

  /** Makes the gate safe first, then records the current item as `interrupted`. */
  async stop(): Promise<void> {
    this.#take({ type: 'stop' });
    this.#stopping.abort(new Error('the cycle was stopped'));
    await this.parts.gate.safe();
    await Promise.all(this.#writing);
  }

  /** Records a report of an operator, from `source`. Never rejects: a failure of the journal is reported as health. */
  async report(report: OperatorReport, source: string): Promise<void> {
    const { journal, clock, newId } = this.parts;
    const trigger: Trigger = { id: newId(), source, atMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    const body = operatorReportBody(newId(), report, trigger, this.#origin());
    try {
      this.observer.reported?.({ ...body, ...(await journal.finish(body.id, body)) });
    } catch (error) {
      this.#journalFailed(error, body);
    }
  }

  #take(input: InputWithoutTime): void {
    const before = this.#state.phase;
    const transition = step(
      this.#state,
      { ...input, atMs: this.parts.clock.monotonicMs() },
      this.options.limits,
    );
    this.#state = transition.state;
    for (const effect of transition.effects) this.#perform(effect);
    if (transition.state.phase !== before) this.observer.phase?.(transition.state.phase);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'request':
        void this.#request(effect.op, effect.withinMs, effect.request);
        return;
      case 'finish': {
        const writing = this.#write(effect.finished).finally(() => this.#writing.delete(writing));
        this.#writing.add(writing);
        return;
      }
      case 'health':
        this.observer.health?.(effect.part, effect.fault);
        return;
      case 'safe':
        void this.parts.gate.safe();
        return;
    }
  }

  /** Answers each request exactly once. */
  async #request(op: number, withinMs: number, request: Request): Promise<void> {
    const { clock, log } = this.parts;
    try {
      const answer =
        request.kind === 'pause'
          ? await this.#pause(withinMs)
          : await withDeadline(
              clock,
              withinMs,
              (signal) => this.#work(request, signal),
              this.#stopping.signal,
            );
      this.#take(
        answer.ok ? { type: 'answer', op, answer: answer.value } : { type: 'fault', op, fault: answer.fault },
      );
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (error instanceof DeadlineExceeded) return this.#take({ type: 'timeout', op });
      const known = error instanceof SortbinError;
      if (!known)
        log.error({ err: error, request: request.kind }, 'a step of the cycle threw an unexpected error');
      const code = known ? error.code : `${request.kind}-failed`;
      this.#take({ type: 'fault', op, fault: { code, message: messageOf(error) } });
    }
  }

  async #pause(ms: number): Promise<Answer<Response>> {
    await sleep(this.parts.clock, ms, this.#stopping.signal);
    return answer({ kind: 'paused' });
  }

  async #work(request: Exclude<Request, { kind: 'pause' }>, signal: AbortSignal): Promise<Answer<Response>> {
    const { gate, trigger, journal, log } = this.parts;
    switch (request.kind) {
      case 'record':
        await journal.begin(request.id, startedBody(request.id, request.trigger, this.#origin()));
        log.debug({ id: request.id, trigger: request.trigger.id }, 'recorded');
        return answer({ kind: 'recorded' });
      case 'home':
        return then(await gate.home(signal), () => ({ kind: 'homed' }));
      case 'capture':
        return then(await this.#capture(request.afterMs, signal), (frame) => ({ kind: 'frame', frame }));
      case 'classify':
        return this.#classify(request.frame, signal);
      case 'move':
        return then(await gate.move(request.compartment, signal), (move) => ({ kind: 'moved', move }));
      case 'level':
        return answer({
          kind: 'level',
          present: await trigger.level(signal),
          trigger: this.#stillThere(),
          itemId: this.parts.newId(),
        });
    }
  }

  async #classify(frame: Frame, signal: AbortSignal): Promise<Answer<Response>> {
    const { vision, clock } = this.parts;
    const { policy, whenFull } = this.options;
    return then(await vision.classify(frame, signal), (classification) => {
      const startMs = clock.monotonicMs();
      const decision = applyCapacity(decide(classification, policy), policy, {
        full: this.#full(),
        whenFull,
      });
      return { kind: 'classified', classification, decision, decideMs: clock.monotonicMs() - startMs };
    });
  }

  #full(): ReadonlySet<string> {
    const full = (this.parts.fill?.levels() ?? []).filter((level) => level.full);
    return new Set(full.map(({ compartment }) => compartment));
  }

  /** Takes a frame with the light on: it is then newer than the light. If the light fails, the bin still sorts. */
  async #capture(afterMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const { camera, light, clock, log } = this.parts;
    if (!light) return camera.frameAfter(afterMs, signal);
    const lightOn = new AbortController();
    try {
      const on = await light.on(AbortSignal.any([signal, lightOn.signal]));
      if (!on.ok) log.warn({ part: 'light', code: on.fault.code }, on.fault.message);
      return await camera.frameAfter(on.ok ? Math.max(afterMs, clock.monotonicMs()) : afterMs, signal);
    } finally {
      lightOn.abort(new Error('the frame was taken'));
    }
  }

  #stillThere(): Trigger {
    const { clock, newId } = this.parts;
    return { id: newId(), source: 'still-there', atMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }

  async #write(finished: Finished): Promise<void> {
    const { journal } = this.parts;
    const body = finishedBody(finished, this.#origin());
    try {
      const key = await journal.finish(body.id, body);
      this.observer.journalled?.({ event: { ...body, ...key }, finished });
      const { frame } = finished.item;
      if (frame) await journal.keepFrame(frame.id, frame.bytes, frame.format);
    } catch (error) {
      this.#journalFailed(error, body);
    }
  }

  #journalFailed(error: unknown, event: EventBody): void {
    this.parts.log.error({ err: error, event }, 'the journal refused an event');
    this.observer.health?.('journal', { code: 'journal-failed', message: messageOf(error) });
  }

  #origin(): Origin {
    return {
      bin: this.options.bin,
      clock: this.parts.clock.synchronised() ? 'synchronised' : 'free',
    };
  }
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'atMs'> : never;
type InputWithoutTime = WithoutTime<Input>;

const answer = (value: Response): Answer<Response> => ({ ok: true, value });

const then = <T>(given: Answer<T>, make: (value: T) => Response): Answer<Response> =>
  given.ok ? answer(make(given.value)) : given;
