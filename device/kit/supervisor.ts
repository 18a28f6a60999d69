import { AutoResetEvent } from './auto-reset-event.js';
import { Backoff, type BackoffLimits } from './backoff.js';
import type { Clock } from './clock.js';
import { orAborted } from './deadline.js';
import type { Answer, Fault } from './errors.js';

export interface SupervisorOptions<Process, Code extends string> {
  /** Starts a process. If `signal` is aborted, it ends the process and returns a fault. */
  readonly launch: (signal: AbortSignal) => Promise<Answer<Process, Code>>;
  /** Resolves when the process must be replaced. */
  readonly untilDown: (process: Process) => Promise<Fault<Code>>;
  /** Returns whether the next restart is immediate. Called once for each restart. */
  readonly isUrgent: () => boolean;
  /** Called when a process runs, also before `start` returns the first one. */
  readonly onRunning: (process: Process) => void;
  /** Called before each restart. `hasRun`: a process has ended. Otherwise a restart has failed. */
  readonly onDown: (fault: Fault<Code>, delayMs: number, hasRun: boolean) => void;
  readonly limits: BackoffLimits;
  /** Whether a failed start is followed by restarts. By default, it is not. */
  readonly retryStart?: boolean;
  /** Time after which a running process resets the back-off. */
  readonly resetAfterMs: number;
  readonly clock: Clock;
}

/** `waiting`: until the next attempt. `paused`: until `resume`. */
type State<Process> =
  | { readonly at: 'stopped' | 'paused' | 'closed' }
  | { readonly at: 'starting'; readonly attempt: Promise<unknown> }
  | { readonly at: 'running'; readonly process: Process }
  | { readonly at: 'waiting'; readonly cancel: () => void };

/** Keeps one process running. After its end it is launched again, at once or after a delay. */
export class Supervisor<Process, Code extends string> {
  /** Set at each change of the state. */
  readonly changed = new AutoResetEvent();
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  #state: State<Process> = { at: 'stopped' };

  constructor(private readonly options: SupervisorOptions<Process, Code>) {
    this.#backoff = new Backoff(options.limits);
  }

  /** A method, because the compiler would assume that a property is unchanged after an await. */
  state(): State<Process> {
    return this.#state;
  }

  /**
   * Makes the first attempt. After a fault, it may be called again, unless `retryStart` schedules the next attempt.
   * Rejects with the signal's reason.
   */
  async start(signal: AbortSignal): Promise<Answer<Process, Code>> {
    signal.throwIfAborted();
    const attempt = this.#attempt(AbortSignal.any([signal, this.#closing.signal]));
    const started = attempt.then((answer) => {
      if (answer.ok || this.#state.at !== 'starting') return answer;
      if (this.options.retryStart && !signal.aborted) this.#scheduleRestart(answer.fault, false);
      else this.#set({ at: 'stopped' });
      return answer;
    });
    return orAborted(started, signal);
  }

  /** Makes `process` the running one, in place of another one. */
  run(process: Process): void {
    const { clock, untilDown, onRunning } = this.options;
    const sinceMs = clock.monotonicMs();
    this.#set({ at: 'running', process });
    untilDown(process).then((fault) => {
      if (this.#state.at !== 'running' || this.#state.process !== process) return;
      if (clock.monotonicMs() - sinceMs >= this.options.resetAfterMs) this.resetBackoff();
      this.#scheduleRestart(fault, true);
    });
    onRunning(process);
  }

  resetBackoff(): void {
    this.#backoff.reset();
  }

  /** Ends the wait for the next attempt. Resolves after an attempt, or at once if there is none. */
  async restartNow(): Promise<void> {
    if (this.#state.at === 'waiting') {
      this.#state.cancel();
      await this.#restart();
    } else if (this.#state.at === 'starting') await this.#state.attempt;
  }

  /** Restarts nothing until `resume`. The caller ends the running process. */
  pause(): void {
    if (this.#state.at === 'running') this.#set({ at: 'paused' });
  }

  /** Ends a pause with an attempt, which is followed by others until one succeeds. Resolves after the first one. */
  async resume(): Promise<void> {
    if (this.#state.at === 'paused') await this.#restart();
  }

  /** Restarts nothing from now on, and aborts an attempt. The caller ends a running process. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#set({ at: 'closed' });
    this.#closing.abort(new Error('closed'));
    if (state.at === 'waiting') state.cancel();
    else if (state.at === 'starting') await state.attempt;
  }

  #attempt(signal: AbortSignal): Promise<Answer<Process, Code>> {
    const attempt = this.options.launch(signal).then((answer) => {
      if (answer.ok && this.#state.at === 'starting') this.run(answer.value);
      return answer;
    });
    this.#set({ at: 'starting', attempt });
    return attempt;
  }

  #scheduleRestart(fault: Fault<Code>, hasRun: boolean): void {
    const { clock, isUrgent, onDown } = this.options;
    const delayMs = isUrgent() ? 0 : this.#backoff.nextMs();
    const cancel = delayMs === 0 ? () => {} : clock.after(delayMs, () => void this.#restart());
    this.#set({ at: 'waiting', cancel });
    onDown(fault, delayMs, hasRun);
    if (delayMs === 0 && this.#state.at === 'waiting') void this.#restart();
  }

  async #restart(): Promise<void> {
    const answer = await this.#attempt(this.#closing.signal);
    if (!answer.ok && this.#state.at === 'starting') this.#scheduleRestart(answer.fault, false);
  }

  #set(state: State<Process>): void {
    this.#state = state;
    this.changed.set();
  }
}
