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
  /** Where there is one. */
  readonly light?: Light;
  /** Where somebody measures it. */
  readonly fill?: Pick<Fill, 'levels'>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Logger;
}

export interface CycleOptions {
  readonly bin: string;
  readonly policy: Policy;
  /** What becomes of an item whose compartment is full. */
  readonly whenFull: Capacity['whenFull'];
  readonly limits: Limits;
}

/** An event as it stands in the journal, with what it was made from. */
export interface Journalled {
  readonly event: EventBody & { readonly seq: number };
  readonly finished: Finished;
}

/** What the runner tells those who watch. */
export interface RunnerObserver {
  phase?(phase: Phase): void;
  health?(part: Part, fault: Fault | null): void;
  /** An event is on disk. */
  journalled?(journalled: Journalled): void;
  /** So is what a person said. */
  reported?(event: BinEvent): void;
}

/** Performs the machine's effects, each within its bound, and feeds the answers back. */
export class Runner {
  #state: State = initialState;
  readonly #stopping = new AbortController();
  readonly #writing = new Set<Promise<void>>();

  constructor(
    private readonly parts: Parts,
    private readonly options: CycleOptions,
    private readonly watcher: RunnerObserver = {},
  ) {}

  get phase(): Phase {
    return this.#state.phase;
  }

  /** Gives what an earlier run left unfinished its outcome, brings the gate home and begins to watch. */
  async start(): Promise<void> {
    const { journal, trigger, newId, log } = this.parts;
    for (const row of await journal.unfinished()) {
      const event = interruptedBody(row.body as StartedBody);
      await journal.finish(row.id, event);
      log.warn({ id: row.id, at: event.at }, 'an item of an earlier run had no outcome: interrupted');
    }
    this.#take({ type: 'start' });
    trigger.start((fired) => this.#take({ type: 'trigger', trigger: fired, itemId: newId() }));
  }

  /** The gate goes to its safe state first; then the item in hand is written down as interrupted. */
  async stop(): Promise<void> {
    this.#take({ type: 'stop' });
    this.#stopping.abort(new Error('the cycle is stopped'));
    await this.parts.gate.safe();
    await Promise.all(this.#writing);
  }

  /** Writes down what a person says of the bin, by `source`. Never rejects: a journal that fails is told as health. */
  async report(remark: OperatorReport, source: string): Promise<void> {
    const { journal, clock, newId } = this.parts;
    const trigger: Trigger = { id: newId(), source, atMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    const body = operatorReportBody(newId(), remark, trigger, this.#origin());
    try {
      this.watcher.reported?.({ ...body, seq: await journal.finish(body.id, body) });
    } catch (error) {
      this.#journalFailed(error, body);
    }
  }

  #take(input: InputWithoutTime): void {
    const before = this.#state.phase;
    const turn = step(this.#state, { ...input, atMs: this.parts.clock.monotonicMs() }, this.options.limits);
    this.#state = turn.state;
    for (const effect of turn.effects) this.#perform(effect);
    if (turn.state.phase !== before) this.watcher.phase?.(turn.state.phase);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'ask':
        void this.#ask(effect.op, effect.withinMs, effect.ask);
        return;
      case 'finish': {
        const writing = this.#write(effect.finished).finally(() => this.#writing.delete(writing));
        this.#writing.add(writing);
        return;
      }
      case 'health':
        this.watcher.health?.(effect.part, effect.fault);
        return;
      case 'safe':
        void this.parts.gate.safe();
        return;
    }
  }

  /** Each ask is answered exactly once. */
  async #ask(op: number, withinMs: number, ask: Request): Promise<void> {
    const { clock, log } = this.parts;
    try {
      const answer =
        ask.kind === 'pause'
          ? await this.#pause(withinMs)
          : await withDeadline(clock, withinMs, (signal) => this.#work(ask, signal), this.#stopping.signal);
      this.#take(
        answer.ok ? { type: 'answer', op, answer: answer.value } : { type: 'fault', op, fault: answer.fault },
      );
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (error instanceof DeadlineExceeded) return this.#take({ type: 'timeout', op });
      const known = error instanceof SortbinError;
      if (!known) log.error({ err: error, ask: ask.kind }, `${ask.kind} threw what it should not`);
      const code = known ? error.code : `${ask.kind}-failed`;
      this.#take({ type: 'fault', op, fault: { code, message: messageOf(error) } });
    }
  }

  async #pause(ms: number): Promise<Answer<Response>> {
    await sleep(this.parts.clock, ms, this.#stopping.signal);
    return answer({ kind: 'paused' });
  }

  async #work(ask: Exclude<Request, { kind: 'pause' }>, signal: AbortSignal): Promise<Answer<Response>> {
    const { gate, trigger, journal, log } = this.parts;
    switch (ask.kind) {
      case 'record':
        await journal.begin(ask.id, startedBody(ask.id, ask.trigger, this.#origin()));
        log.debug({ id: ask.id, trigger: ask.trigger.id }, 'recorded');
        return answer({ kind: 'recorded' });
      case 'home':
        return then(await gate.home(signal), () => ({ kind: 'homed' }));
      case 'capture':
        return then(await this.#capture(ask.afterMs, signal), (frame) => ({ kind: 'frame', frame }));
      case 'classify':
        return this.#classify(ask.frame, signal);
      case 'move':
        return then(await gate.move(ask.compartment, signal), (move) => ({ kind: 'moved', move }));
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

  /** With the light on, where there is one: the frame is then newer than the light, too. A dark bin still sorts. */
  async #capture(afterMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const { camera, light, clock, log } = this.parts;
    if (!light) return camera.frameAfter(afterMs, signal);
    const lit = new AbortController();
    try {
      const on = await light.on(AbortSignal.any([signal, lit.signal]));
      if (!on.ok) log.warn(`the light: ${on.fault.message}`);
      return await camera.frameAfter(on.ok ? Math.max(afterMs, clock.monotonicMs()) : afterMs, signal);
    } finally {
      lit.abort(new Error('the frame is taken'));
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
      const seq = await journal.finish(body.id, body);
      this.watcher.journalled?.({ event: { ...body, seq }, finished });
      const { frame } = finished.item;
      if (frame) await journal.keepFrame(frame.id, frame.bytes);
    } catch (error) {
      this.#journalFailed(error, body);
    }
  }

  #journalFailed(error: unknown, event: EventBody): void {
    this.parts.log.error({ err: error, event }, 'the journal did not take this event');
    this.watcher.health?.('journal', { code: 'journal-failed', message: messageOf(error) });
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
