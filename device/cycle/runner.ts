import { type Trigger, TriggerError } from '../hardware/trigger/trigger.js';
import type { Journal } from '../journal/journal.js';
import { DeadlineExceeded, sharedController, sleep, withDeadline } from '../kit/deadline.js';
import { type Answer, done, failed, messageOf, SortbinError } from '../kit/errors.js';
import type { BinEvent, OperatorReport } from './event.js';
import { step } from './machine.js';
import type { Observer } from './observer.js';
import type { Capacity } from './policy.js';
import { Recorder } from './recorder.js';
import {
  type Effect,
  type Input,
  initialState,
  type Limits,
  type Phase,
  type Request,
  type Response,
  type State,
} from './state.js';
import { Work, type WorkParts } from './work.js';

/** The parts of a cycle. */
export interface Parts extends WorkParts {
  readonly journal: Journal;
}

export interface CycleOptions {
  readonly bin: string;
  /** Rule for an item whose compartment is full. */
  readonly whenFull: Capacity['whenFull'];
  readonly limits: Limits;
}

/** Deadline to record the current item at a stop. Without a record, it is `interrupted` at the next start. */
const RECORD_LAST_MS = 800;

/** What became of a trigger: a new item, or one more trigger of a burst because the bin is busy or held. */
export type Admission = 'taken' | 'busy' | 'held';

/** Performs the machine's effects, each within its deadline, and passes the answers back to the machine. */
export class Runner {
  #state: State = initialState;
  readonly #stopping = sharedController();
  readonly #work: Work;
  readonly #recorder: Recorder;
  readonly #admissions = new Map<string, Promise<Answer<Admission>>>();

  constructor(
    private readonly parts: Parts,
    private readonly options: CycleOptions,
    private readonly observer: Pick<Observer, 'phase' | 'health' | 'event' | 'unrecorded'> = {},
    /** Called once with an internal error. The gate is safe and the cycle has ended: the process must exit. */
    private readonly onFatal: (error: unknown) => void = (error) => {
      throw error;
    },
  ) {
    this.#work = new Work(parts, options.whenFull);
    this.#recorder = new Recorder({ ...parts, bin: options.bin }, observer);
  }

  get phase(): Phase {
    return this.#state.phase;
  }

  /** Finishes the rows of an earlier run, moves the gate home and starts the trigger. */
  async start(): Promise<void> {
    await this.#recorder.recover();
    this.#take({ type: 'start' });
    this.parts.trigger.start((trigger) => this.#admit(trigger));
  }

  /** Makes the gate safe first, then records the current item as `interrupted`. */
  async stop(): Promise<void> {
    this.#take({ type: 'stop' });
    this.#stopping.abort(new Error('the cycle was stopped'));
    const { gate, clock } = this.parts;
    const recorded = () => this.#recorder.close();
    const ended = await Promise.allSettled([gate.safe(), withDeadline(clock, RECORD_LAST_MS, recorded)]);
    for (const result of ended) if (result.status === 'rejected') throw result.reason;
  }

  /** Finishes the current item, and begins no other one until `resume`. Later triggers become `ignored`, reason `held`. */
  hold(): void {
    this.#take({ type: 'hold' });
  }

  resume(): void {
    this.#take({ type: 'resume' });
  }

  /** Records a report of an operator, from `source`. Rejects if it is never on disk. */
  report(report: OperatorReport, source: string): Promise<BinEvent> {
    return this.#recorder.report(report, source);
  }

  /** Returns what became of a trigger that has just fired, once its row is on disk. */
  async admissionOf(triggerId: string): Promise<Answer<Admission>> {
    return (
      (await this.#admissions.get(triggerId)) ??
      failed('cycle-stopped', 'trigger: the bin is stopping. It takes no more items.')
    );
  }

  #admit(trigger: Trigger): void {
    let rowId: string | undefined;
    let admission: Admission = 'taken';
    this.#guard(() => {
      const itemId = this.parts.newId();
      this.#take({ type: 'trigger', trigger, itemId });
      const { item, burst } = this.#state;
      admission = item?.id === itemId ? 'taken' : burst?.isHeld ? 'held' : 'busy';
      rowId = admission === 'taken' ? itemId : burst?.id;
    });
    if (rowId === undefined) return;
    const admitted = this.#recorder.untilBegun(rowId).then(
      () => done(admission),
      (error) => failed('journal-failed', `trigger: not recorded: ${messageOf(error)}`),
    );
    this.#admissions.set(trigger.id, admitted);
    void admitted.finally(() => this.#admissions.delete(trigger.id));
  }

  #take(input: InputWithoutTime): void {
    this.#guard(() => {
      const before = this.#state.phase;
      const atMs = this.parts.clock.monotonicMs();
      const transition = step(this.#state, { ...input, atMs }, this.options.limits);
      this.#state = transition.state;
      for (const effect of transition.effects) this.#perform(effect);
      if (transition.state.phase !== before) this.observer.phase?.(transition.state.phase);
    });
  }

  /** Ends the cycle if `work` throws: the state may be inconsistent, so nothing may move any more. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      const isFirst = !this.#stopping.signal.aborted;
      this.#state = { ...this.#state, phase: 'stopped', op: null, item: null, burst: null };
      this.#stopping.abort(error);
      void this.parts.gate.safe();
      if (isFirst) this.onFatal(error);
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'request':
        void this.#request(effect.op, effect.withinMs, effect.request);
        return;
      case 'count':
        this.#recorder.count(effect.burst);
        return;
      case 'finish':
        this.#recorder.finish(effect.finished);
        return;
      case 'health':
        this.observer.health?.(effect.part, effect.fault);
        return;
      case 'safe':
        void this.parts.gate.safe();
        return;
    }
  }

  /** Answers each request exactly once, unless the cycle ends. */
  async #request(op: number, withinMs: number, request: Request): Promise<void> {
    const input = await this.#answer(op, withinMs, request).catch((error) =>
      this.#faultOf(op, request, error),
    );
    if (!this.#stopping.signal.aborted) this.#take(input);
  }

  async #answer(op: number, withinMs: number, request: Request): Promise<InputWithoutTime> {
    const { clock } = this.parts;
    const { signal } = this.#stopping;
    const answer =
      request.kind === 'pause'
        ? await sleep(clock, withinMs, signal).then(() => done<Response>({ kind: 'paused' }))
        : await withDeadline(clock, withinMs, (inner) => this.#do(request, inner), signal);
    return answer.ok
      ? { type: 'answer', op, answer: answer.value }
      : { type: 'fault', op, fault: answer.fault };
  }

  async #do(request: Exclude<Request, { kind: 'pause' }>, signal: AbortSignal): Promise<Answer<Response>> {
    if (request.kind !== 'record') return this.#work.perform(request, signal);
    await this.#recorder.begin(request.id, request.trigger);
    return done({ kind: 'recorded' });
  }

  #faultOf(op: number, request: Request, error: unknown): InputWithoutTime {
    if (error instanceof DeadlineExceeded) return { type: 'timeout', op };
    if (error instanceof TriggerError) return { type: 'fault', op, fault: error.fault };
    const known = error instanceof SortbinError;
    if (!known && !this.#stopping.signal.aborted)
      this.parts.log.error(
        { err: error, request: request.kind },
        'a step of the cycle threw an unexpected error',
      );
    const code = known ? error.code : `${request.kind}-failed`;
    return { type: 'fault', op, fault: { code, message: messageOf(error) } };
  }
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'atMs'> : never;
type InputWithoutTime = WithoutTime<Input>;
