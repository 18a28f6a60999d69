import type { Logger } from 'pino';
import { orAborted, sharedController, sleep } from '../kit/deadline.js';
import { type Deferred, deferred } from '../kit/deferred.js';
import { type Answer, done, failed, messageOf } from '../kit/errors.js';
import { SerialQueue } from '../kit/serial-queue.js';
import type { GateReport } from './gates/gates.js';
import {
  installedIn,
  installedOf,
  type JobEffect,
  type JobLimits,
  type JobParts,
  performJob,
} from './jobs.js';
import { step } from './machine.js';
import type { Effect, Input, Moment, Report, Settings, State, UpdateRefusal } from './state.js';
import type { Progress } from './status.js';
import { restoreState } from './stored-state.js';

/** Keeps the state of updates, as plain JSON. */
export interface StateStore {
  /** Returns the stored state; null: none. */
  load(): Promise<unknown> | unknown;
  /** Resolves when the state is durable. */
  save(state: State): Promise<void>;
}

export interface RunnerParts extends JobParts {
  readonly states: StateStore;
  readonly log: Logger;
}

/** Receives what changes. */
export interface RunnerEvents {
  changed(): void;
  report(report: Report): void;
  /** The state or the pointers could not be written; null: they could. */
  diskFault(source: 'state' | 'pointers', message: string | null): void;
}

export type WithoutMoment<T> = T extends unknown ? Omit<T, keyof Moment> : never;

/** An aborted job has this time to end, before the next one starts. */
const ABORT_MS = 10_000;
/** The jobs and the last state have this time at a stop. */
const STOP_MS = 300;

interface Running {
  readonly abort: () => void;
  readonly ended: Promise<void>;
}

/** Performs the effects of the machine: one input at a time, and one job beside. */
export class MachineRunner {
  state: State = restoreState(null);
  progress: Progress | null = null;
  readonly #queue = new SerialQueue();
  readonly #stopping = sharedController();
  #job: Running | null = null;
  #waiters: Deferred<void>[] = [];

  constructor(
    private readonly parts: RunnerParts,
    private readonly settings: Settings & JobLimits,
    private readonly isAllowed: () => boolean,
    private readonly events: RunnerEvents,
  ) {}

  /** Reads the stored state, and brings the store to it. */
  async open(): Promise<Answer<void>> {
    const { store, states, log } = this.parts;
    const [pointers, slots] = [await store.pointers(), await store.slots()];
    if (!pointers.ok) return pointers;
    if (!slots.ok) return slots;
    try {
      this.state = restoreState(await states.load(), (problem) =>
        log.warn({ part: 'update' }, `update: a part of the stored state is damaged: ${problem}`),
      );
    } catch (thrown) {
      log.warn({ part: 'update' }, `update: the stored state was not read: ${messageOf(thrown)}`);
    }
    const installed = slots.value.map(installedOf);
    await this.take({ type: 'start', store: { ...pointers.value, installed } });
    return done(undefined);
  }

  /** Passes an input to the machine, and performs its effects. Returns the refusal of a command. Never rejects. */
  async take(input: WithoutMoment<Input>): Promise<Answer<void, UpdateRefusal | 'update-stopped'>> {
    try {
      return await this.#queue.run(this.#stopping.signal, () => this.#step(input));
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return failed('update-stopped', 'Updates are stopping.');
      this.parts.log.error({ part: 'update', err: thrown }, 'update: an input threw an unexpected error');
      return failed('update-stopped', messageOf(thrown));
    }
  }

  /** Waits until no job runs. Rejects with the signal's reason if the signal is aborted first. */
  async settled(signal: AbortSignal): Promise<void> {
    while (this.state.job && !this.#stopping.signal.aborted) {
      const waiter = deferred<void>();
      this.#waiters.push(waiter);
      await orAborted(waiter.promise, signal);
    }
  }

  /** Ends the job, and stores that the program ends in order. Takes 300 ms at most. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { clock } = this.parts;
    const ended = this.#job?.ended ?? Promise.resolve();
    const last = this.take({ type: 'stop' });
    this.#job?.abort();
    const limit = new AbortController();
    const bound = sleep(clock, STOP_MS, limit.signal).catch(() => {});
    await Promise.race([Promise.allSettled([last, ended]), bound]);
    limit.abort();
    this.#stopping.abort(new Error('updates were stopped'));
    this.#wake();
  }

  async #step(input: WithoutMoment<Input>): Promise<Answer<void, UpdateRefusal>> {
    const { clock } = this.parts;
    const moment: Moment = {
      atMs: clock.monotonicMs(),
      at: new Date(clock.wallMs()).toISOString(),
      isAllowed: this.isAllowed(),
    };
    const { state, effects } = step(this.state, { ...input, ...moment } as Input, this.settings);
    const hasChanged = state !== this.state;
    this.state = state;
    let answer: Answer<void, UpdateRefusal> = done(undefined);
    let isStored = true;
    for (const effect of effects) {
      if (effect.type === 'persist') isStored = await this.#persist();
      else if (effect.type === 'answer') answer = effect.fault ? { ok: false, fault: effect.fault } : answer;
      else if ('op' in effect) this.#startJob(effect, isStored);
      else await this.#perform(effect);
    }
    if (hasChanged) this.events.changed();
    if (!state.job) this.#wake();
    return answer;
  }

  async #persist(): Promise<boolean> {
    try {
      await this.parts.states.save(this.state);
      this.events.diskFault('state', null);
      return true;
    } catch (thrown) {
      this.events.diskFault('state', `the state was not stored: ${messageOf(thrown)}`);
      return false;
    }
  }

  async #perform(effect: Exclude<Effect, JobEffect | { type: 'persist' | 'answer' }>): Promise<void> {
    const { store } = this.parts;
    switch (effect.type) {
      case 'abort':
        this.#job?.abort();
        return;
      case 'report':
        this.events.report(effect.report);
        return;
      case 'point': {
        const { current, previous } = this.state;
        const pointed = await store.point({ current, previous });
        this.events.diskFault('pointers', pointed.ok ? null : pointed.fault.message);
        return;
      }
      case 'remove': {
        const removed = [];
        for (const bundle of effect.bundles) removed.push(await store.remove(bundle));
        removed.push(await store.removeUnused());
        for (const answer of removed)
          if (!answer.ok) this.parts.log.warn({ part: 'update' }, `update: ${answer.fault.message}`);
      }
    }
  }

  /** Starts a job after the end of the one before. Its result is an input. */
  #startJob(effect: JobEffect, isStored: boolean): void {
    const before = this.#job?.ended ?? Promise.resolve();
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, this.#stopping.signal]);
    this.progress = null;
    const ended = this.#run(effect, before, isStored, signal);
    this.#job = { abort: () => controller.abort(new Error('another update began')), ended };
  }

  async #run(
    effect: JobEffect,
    before: Promise<void>,
    isStored: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { op } = effect;
    const answer = await this.#answerOf(effect, before, isStored, signal);
    if (!answer) return;
    const installed = effect.type === 'swap' ? undefined : await installedIn(this.parts.store);
    const slots = installed ? { installed } : {};
    // Not awaited: the input waits for its turn, and may start the next job, which waits for the end of this one.
    void this.take(
      answer.ok
        ? { type: 'done', op, ...slots, ...(answer.value ? { report: answer.value } : {}) }
        : { type: 'failed', op, fault: answer.fault, ...slots },
    );
  }

  /** Returns null if the job was aborted: its result is not needed. */
  async #answerOf(
    effect: JobEffect,
    before: Promise<void>,
    isStored: boolean,
    signal: AbortSignal,
  ): Promise<Answer<GateReport | undefined> | null> {
    const { clock, log } = this.parts;
    // A count of attempts that is not on disk could let a bad bundle end the program for ever. A return has no such risk.
    const isReturn = this.state.phase.name === 'activating' && this.state.phase.cause === 'return';
    if (!isStored && !isReturn) return failed('update-failed', 'the state of updates cannot be stored');
    try {
      const limit = new AbortController();
      await Promise.race([before, sleep(clock, ABORT_MS, limit.signal).catch(() => {})]);
      limit.abort();
      signal.throwIfAborted();
      return await performJob(effect, this.parts, this.settings, signal, (progress) => {
        if (signal.aborted) return;
        this.progress = progress;
        this.events.changed();
      });
    } catch (thrown) {
      if (signal.aborted) return null;
      log.error({ part: 'update', err: thrown }, `update: ${effect.type} threw an unexpected error`);
      return failed('update-failed', messageOf(thrown));
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.resolve();
  }
}
