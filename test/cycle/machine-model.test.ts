import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { step } from '../../device/cycle/machine.js';
import {
  type Effect,
  type Input,
  initialState,
  type Request,
  type Response,
  type State,
} from '../../device/cycle/state.js';
import { aFrame, aTrigger, classified, LIMITS } from '../support/cycle.js';

/** The inputs that are possible at any moment. `pick` selects one of the open requests. */
type Happening =
  | { what: 'trigger' | 'hold' | 'resume' }
  | { what: 'answer'; pick: number; refuse: boolean; stale: boolean; present: boolean }
  | { what: 'fault'; pick: number }
  | { what: 'timeout'; pick: number }
  | { what: 'echo'; pick: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ what: fc.constant('trigger' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('hold' as const, 'resume' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('answer' as const),
      pick: fc.nat(9),
      refuse: fc.boolean(),
      stale: fc.boolean(),
      present: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('fault' as const), pick: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('timeout' as const), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('echo' as const), pick: fc.nat(9) }) },
);

/** The environment of the machine: the open requests, the gate, and the outcome of each trigger. */
class World {
  state: State = initialState;
  readonly open = new Map<number, Request>();
  readonly settled: number[] = [];
  readonly triggered = new Set<string>();
  readonly accounted = new Map<string, number>();
  readonly recorded = new Set<string>();
  levelsAsked = 0;
  sorted = 0;
  held = 0;
  #moveOp: number | null = null;
  #nowMs = 1_000;
  #ids = 0;

  happen(happening: Happening): void {
    if ('pick' in happening) this.settleOne(happening);
    else if (happening.what === 'trigger') this.trigger();
    else this.take({ type: happening.what });
  }

  settleOne(happening: Extract<Happening, { pick: number }>): void {
    const ops = happening.what === 'echo' ? this.settled : [...this.open.keys()];
    const op = ops[happening.pick % Math.max(1, ops.length)];
    if (op === undefined) return;
    const asked = this.open.get(op);
    this.settle(op);
    if (asked && happening.what === 'answer')
      this.take({ type: 'answer', op, answer: this.answerTo(op, asked, happening) });
    else if (happening.what === 'fault')
      this.take({ type: 'fault', op, fault: { code: 'broken', message: 'broken' } });
    else this.take({ type: 'timeout', op });
  }

  trigger(): void {
    const id = `t${++this.#ids}`;
    this.triggered.add(id);
    this.take({ type: 'trigger', trigger: aTrigger(id, this.#nowMs), itemId: `i${this.#ids}` });
  }

  settle(op: number): void {
    this.open.delete(op);
    this.settled.push(op);
    if (op === this.#moveOp) this.#moveOp = null;
  }

  take(input: Input extends infer I ? (I extends unknown ? Omit<I, 'atMs'> : never) : never): void {
    this.#nowMs++;
    const turn = step(this.state, { ...input, atMs: this.#nowMs } as Input, LIMITS);
    this.state = turn.state;
    for (const effect of turn.effects) this.perform(effect);
    this.check();
  }

  perform(effect: Effect): void {
    if (effect.type === 'finish') {
      const { item, outcome, count, decision } = effect.finished;
      if (decision?.reason === 'held') this.held++;
      assert.ok(!this.accounted.has(item.id), `${item.id} ended twice`);
      this.accounted.set(item.id, count ?? 1);
      if (outcome === 'sorted') this.sorted++;
      return;
    }
    if (effect.type !== 'request') return;
    assert.ok(effect.withinMs > 0, 'each wait has a bound');
    if (effect.request.kind === 'level') this.levelsAsked++;
    if (effect.request.kind === 'move') {
      assert.equal(this.#moveOp, null, 'two moves at once');
      assert.notEqual(this.state.phase, 'held', 'a move while the bin is held');
      assert.equal(this.state.item?.recorded, 'yes', 'a move without a record');
      this.#moveOp = effect.op;
    }
    this.open.set(effect.op, effect.request);
  }

  check(): void {
    const { phase, op, item } = this.state;
    if (phase === 'idle' || phase === 'stopped') assert.equal(item, null);
    else if (phase === 'held') {
      assert.equal(item, null);
      assert.ok(op === null ? !this.state.burst : this.open.has(op), 'a burst waits for nothing');
    } else if (phase === 'recording') assert.ok(this.open.has(item?.recordOp ?? -1), 'waits for nothing');
    else assert.ok(op !== null && this.open.has(op), `${phase} waits for nothing`);
  }

  answerTo(
    op: number,
    asked: Request,
    { refuse, stale, present }: Extract<Happening, { what: 'answer' }>,
  ): Response {
    switch (asked.kind) {
      case 'record':
        return { kind: 'recorded' };
      case 'home':
        return { kind: 'homed' };
      case 'pause':
        return { kind: 'paused' };
      case 'capture':
        return { kind: 'frame', frame: aFrame(stale ? asked.afterMs : asked.afterMs + 1) };
      case 'classify':
        return classified(refuse ? null : 'paper');
      case 'move':
        return { kind: 'moved', move: { commandedAtMs: this.#nowMs, homeAtMs: this.#nowMs } };
      case 'level': {
        const id = `t${++this.#ids}`;
        if (present && op === this.state.op && this.state.stillThere < LIMITS.stillThereLimit)
          this.triggered.add(id);
        return { kind: 'level', present, trigger: aTrigger(id, this.#nowMs), itemId: `i${this.#ids}` };
      }
    }
  }

  /** No more triggers, no item present, every request times out: the machine must become idle. */
  drain(): void {
    this.take({ type: 'resume' });
    for (let turns = 0; this.state.phase !== 'idle'; turns++) {
      assert.ok(turns < 40, `no way out of ${this.state.phase}`);
      const waiting = this.state.op ?? this.state.item?.recordOp ?? -1;
      const asked = this.open.get(waiting);
      this.settle(waiting);
      if (asked?.kind === 'home') this.take({ type: 'answer', op: waiting, answer: { kind: 'homed' } });
      else if (asked?.kind === 'level') {
        const nothing = { kind: 'level', present: false, trigger: aTrigger('none'), itemId: 'none' } as const;
        this.take({ type: 'answer', op: waiting, answer: nothing });
      } else this.take({ type: 'timeout', op: waiting });
    }
  }
}

const accountedFor = (world: World): number =>
  [...world.accounted.values()].reduce((sum, count) => sum + count, 0);

describe('the cycle with any order of inputs', () => {
  it('loses no item, decides none twice, never makes two moves at once, and always becomes idle', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 120 }), fc.boolean(), (happenings, isHeld) => {
        const world = new World();
        world.state = { ...world.state, isHeld };
        world.take({ type: 'start' });
        if (isHeld) assert.equal(world.open.size, 0, 'the gate of a held bin does not move');
        for (const each of happenings) world.happen(each);
        world.drain();
        assert.equal(accountedFor(world), world.triggered.size, 'each trigger is in exactly one event');
        assert.ok(world.levelsAsked >= world.sorted, 'the sensor is read again after each move');
      }),
      { numRuns: 2_000 },
    );
  });

  it('finishes each item if it is stopped at any moment', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 60 }),
        fc.array(happening, { maxLength: 10 }),
        (before, after) => {
          const world = new World();
          world.take({ type: 'start' });
          for (const each of before) world.happen(each);
          const triggered = world.triggered.size;
          world.take({ type: 'stop' });
          const ended = world.accounted.size;
          for (const each of after) world.happen(each);
          assert.equal(accountedFor(world), triggered);
          assert.equal(world.accounted.size, ended, 'nothing ends after the stop');
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('reaches sorting and holding with these inputs', () => {
    let [sorted, held] = [0, 0];
    fc.assert(
      fc.property(fc.array(happening, { minLength: 60, maxLength: 120 }), (happenings) => {
        const world = new World();
        world.take({ type: 'start' });
        for (const each of happenings) world.happen(each);
        sorted += world.sorted;
        held += world.held;
      }),
      { numRuns: 400, seed: 7 },
    );
    assert.ok(sorted > 100, `only ${sorted} items were sorted`);
    assert.ok(held > 100, `only ${held} held bursts`);
  });
});
