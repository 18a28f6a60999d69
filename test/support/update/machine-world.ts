import assert from 'node:assert/strict';
import { type BundleId, textOf } from '../../../device/update/bundle-id.js';
import { choosePublished } from '../../../device/update/choice.js';
import { step } from '../../../device/update/machine.js';
import {
  type Effect,
  type Input,
  type InstalledBundle,
  initialState,
  type Job,
  type Moment,
  type State,
} from '../../../device/update/state.js';
import { restoreState } from '../../../device/update/stored-state.js';
import { aCatalogue, type CatalogueParts, SETTINGS } from './machine.js';

type WithoutMoment<T> = T extends unknown ? Omit<T, keyof Moment> : never;
type AnyInput = WithoutMoment<Input>;

/** Thrown when the simulated program is killed between two effects. */
class ProgramKilled extends Error {}

const has = (ids: readonly BundleId[], id: BundleId | null): boolean =>
  id === null || ids.some((other) => textOf(other) === textOf(id));

/** A bin around the machine: a store and a stored state that survive a kill, and a program that does not. */
export class MachineWorld {
  /** The disk. */
  stored: unknown = null;
  slots: InstalledBundle[] = [];
  pointers: { current: BundleId | null; previous: BundleId | null } = { current: null, previous: null };
  /** The program. */
  state: State = initialState;
  running: BundleId | null = null;
  job: { readonly op: number; readonly kind: Job['kind']; readonly effect: Effect } | null = null;
  isAllowed = true;
  atMs = 0;
  starts = 0;
  activations = 0;
  /** Contents that passed their checks. null: the factory bundle, which needs none. */
  readonly #checked = new Set<string | null>([null]);
  /** Number of effects that are still performed before a kill. null: no kill. */
  #killAfter: number | null = null;

  constructor() {
    this.start();
  }

  /** Passes an input. With `killAfter`, the program is killed after so many effects, and started again. */
  take(input: AnyInput, killAfter: number | null = null): void {
    this.#killAfter = killAfter;
    try {
      this.#step(input);
      this.check();
    } catch (thrown) {
      if (!(thrown instanceof ProgramKilled)) throw thrown;
      this.start();
    }
    this.#killAfter = null;
  }

  poll(parts: CatalogueParts, killAfter: number | null = null): void {
    this.take({ type: 'catalogue', catalogue: aCatalogue(parts), mayInstall: true }, killAfter);
  }

  /** The program is killed, if it runs, and starts. */
  start(): void {
    this.starts += 1;
    this.#killAfter = null;
    this.job = null;
    this.state = restoreState(this.stored);
    this.#step({ type: 'start', store: { ...this.pointers, installed: [...this.slots] } });
    this.running = this.state.current;
    assert.deepEqual(this.pointers.current, this.state.current, 'the store follows the state');
    this.check();
  }

  /** The present job ends. */
  settle(fault: string | null, killAfter: number | null = null): void {
    if (!this.job) return;
    const { op, effect } = this.job;
    this.job = null;
    if (fault !== null) {
      this.take({ type: 'failed', op, fault: { code: fault, message: fault } }, killAfter);
      return;
    }
    if (effect.type === 'build') this.#build(effect.bundle);
    if (effect.type === 'check') this.#checked.add(this.#contentOf(effect.bundle));
    if (effect.type === 'swap') {
      assert.ok(this.#checked.has(this.#contentOf(effect.bundle)), 'runs a content that was never checked');
      this.running = effect.bundle;
    }
    this.take({ type: 'done', op, installed: [...this.slots] }, killAfter);
  }

  #contentOf(id: BundleId | null): string | null {
    return this.slots.find((slot) => id && has([slot], id))?.manifestSha256 ?? null;
  }

  /** Like the store: other content of the same id replaces the slot, but not one in use. */
  #build({ name, version, manifestSha256 }: InstalledBundle): void {
    const slot = this.slots.find((one) => one.name === name && one.version === version);
    if (slot?.manifestSha256 === manifestSha256) return;
    const { current, previous } = this.pointers;
    assert.ok(!slot || ![current, previous].some((id) => id && has([slot], id)), 'replaces a slot in use');
    this.slots = [...this.slots.filter((one) => one !== slot), { name, version, manifestSha256 }];
  }

  /** All jobs end well. */
  drain(): void {
    for (let jobs = 0; this.job; jobs += 1) {
      assert.ok(jobs < 20, `no way out of ${this.state.phase.name}`);
      this.settle(null);
    }
  }

  tick(): void {
    this.atMs += SETTINGS.healthyMs;
    this.take({ type: 'tick' });
  }

  /** Whether the next poll with this catalogue would begin an update. */
  wouldUpdate(parts: CatalogueParts): boolean {
    return choosePublished(this.state, aCatalogue(parts), SETTINGS) !== null;
  }

  check(): void {
    const { state, slots, pointers, job } = this;
    const { phase, current } = state;
    assert.ok(has(slots, pointers.current) && has(slots, pointers.previous), 'a pointer leads to no slot');
    assert.ok(has(slots, current), 'the current slot does not exist');
    assert.equal(state.job?.op, job?.op, 'the machine waits for another job');
    const needsJob = ['downloading', 'checking'].includes(phase.name);
    if (needsJob) assert.ok(job, `${phase.name} waits for nothing`);
    if (phase.name === 'idle' || phase.name === 'ready') assert.equal(job, null);
    if (job?.kind === 'swap') return;
    const left = [...state.revoked, ...state.rejected];
    assert.ok(
      !left.some((id) => current && textOf(id) === textOf(current)),
      `${phase.name}: current is revoked or rejected`,
    );
    if (phase.name !== 'activating') assert.deepEqual(this.running, current, 'another model runs');
  }

  #step(input: AnyInput): void {
    this.atMs += 1;
    const moment = { atMs: this.atMs, at: '2026-01-01T00:00:00Z', isAllowed: this.isAllowed };
    const { state, effects } = step(this.state, { ...input, ...moment } as Input, SETTINGS);
    this.state = state;
    for (const effect of effects) {
      if (this.#killAfter !== null && this.#killAfter-- === 0) throw new ProgramKilled();
      this.#perform(effect);
    }
    if (this.#killAfter !== null) throw new ProgramKilled();
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        this.stored = JSON.parse(JSON.stringify(this.state));
        return;
      case 'point':
        this.pointers = { current: this.state.current, previous: this.state.previous };
        return;
      case 'remove':
        this.slots = this.slots.filter((slot) => !has(effect.bundles, slot));
        return;
      case 'abort':
        this.job = null;
        return;
      case 'report':
        if (effect.report.event === 'activated') this.activations += 1;
        return;
      case 'answer':
        return;
      default:
        assert.equal(this.job, null, 'two jobs at once');
        this.job = { op: effect.op, kind: effect.type, effect };
    }
  }
}
