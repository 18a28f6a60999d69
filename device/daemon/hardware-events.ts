import type { Journalled, Runner } from '../cycle/runner.js';
import { StateIndicator } from '../hardware/panel/state-indicator.js';
import type { Clock } from '../kit/clock.js';
import { sleep, withDeadline } from '../kit/deadline.js';
import { type Answer, type Fault, failed, messageOf } from '../kit/errors.js';
import type { Status } from '../status/status.js';
import type { Hardware } from '../wire/hardware.js';

/** The button "wrong" refers to the last item with one of these outcomes. */
const DECIDED = new Set(['sorted', 'refused']);

/** Deadline for the gate to come home after it is unlocked, and pause before the next try. */
const UNLOCK_MS = 10_000;
const UNLOCK_AGAIN_MS = 2_000;

/** Connects the lines, the trigger, the fill sensors, the operator panel and the service switch to the cycle and the status. */
export class HardwareEvents {
  readonly #indicator: StateIndicator;
  #lastItem: string | null = null;
  #unlocking = new AbortController();

  constructor(
    private readonly hardware: Omit<Hardware, 'command'>,
    private readonly clock: Clock,
    refusedMs: number,
  ) {
    this.#indicator = new StateIndicator(hardware.panel, refusedMs, clock);
  }

  /** Starts to listen. Calls `health` with the faults of the lines, the trigger, the fill sensors and the gate. */
  attend(runner: Runner, status: Status, health: (part: string, fault: Fault | null) => void): void {
    const { lines, trigger, panel, fillParts, service } = this.hardware;
    lines?.onHealth((fault) => health('lines', fault));
    trigger.onHealth((fault) => health('sensor', fault));
    panel.onWrong(() => {
      if (this.#lastItem) void runner.report({ outcome: 'disputed', item: this.#lastItem }, 'button');
    });
    fillParts?.fill.onChange((level) => {
      status.fill(level);
      health(`fill-${level.compartment}`, level.fault);
    });
    fillParts?.onEmptied((compartment) => this.emptied(compartment, runner, 'button'));
    fillParts?.fill.start();
    if (service) {
      const locks = (active: boolean) => void this.#lock(active, status, health);
      service.onEdge(({ active }) => locks(active));
      void service.active().then((level) => locks(!level.ok || level.value));
    }
  }

  /** Locks or unlocks the gate. The caller treats a switch that cannot be read as active. */
  async #lock(
    locked: boolean,
    status: Status,
    health: (part: string, fault: Fault | null) => void,
  ): Promise<void> {
    const { gate } = this.hardware;
    this.#unlocking.abort();
    this.#unlocking = new AbortController();
    const { signal } = this.#unlocking;
    if (locked) await gate.lock('the service switch is on');
    else await this.#unlock(health, signal).catch(() => {});
    if (!signal.aborted) status.locked(gate.lockReason !== null);
  }

  /** Retries until the gate is home: the lid may still be open. Rejects if the signal is aborted. */
  async #unlock(health: (part: string, fault: Fault | null) => void, signal: AbortSignal): Promise<void> {
    const home = (inner: AbortSignal) => this.hardware.gate.unlock(inner);
    while (true) {
      const answer = await withDeadline(this.clock, UNLOCK_MS, home, signal).catch((error): Answer<void> => {
        signal.throwIfAborted();
        return failed('gate-timeout', messageOf(error));
      });
      health('gate', answer.ok ? null : answer.fault);
      if (answer.ok) return;
      await sleep(this.clock, UNLOCK_AGAIN_MS, signal);
    }
  }

  /** Records that an operator emptied a compartment. */
  emptied(compartment: string, runner: Runner, source: 'button' | 'command'): void {
    this.hardware.fillParts?.fill.markEmptied(compartment);
    void runner.report({ outcome: 'emptied', compartment }, source);
  }

  phase(phase: string): void {
    this.#indicator.phase(phase);
  }

  health(part: string, fault: Fault | null): void {
    this.#indicator.health(part, fault !== null);
  }

  journalled({ event }: Journalled): void {
    if (DECIDED.has(event.outcome)) this.#lastItem = event.id;
    if (event.outcome === 'refused') this.#indicator.refused();
  }

  /** Turns the indicators off and releases the lines. */
  async close(): Promise<void> {
    const { lines, panel, fillParts } = this.hardware;
    this.#unlocking.abort();
    this.#indicator.close();
    await Promise.all([panel.close(), fillParts?.fill.close()]);
    await lines?.close();
  }
}
