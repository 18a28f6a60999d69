import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LockedGate } from '../../../device/hardware/gate/locked-gate.js';
import { aLinesGate, aServoGate, aSwitch } from '../../support/gates.js';

const SWITCHES = ['gate.home', 'gate-paper.end', 'gate-glass.end', 'lid'];

const step = fc.oneof(
  fc.record({ do: fc.constant('move' as const), to: fc.constantFrom('paper', 'glass', 'residual') }),
  fc.record({ do: fc.constantFrom('home', 'abort', 'lock', 'unlock', 'cut' as const) }),
  fc.record({ do: fc.constant('switch' as const), name: fc.constantFrom(...SWITCHES), active: fc.boolean() }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 600 }) }),
);

const withEnds = <W extends object>(paper: W, glass: W) =>
  new Map([
    ['paper', { ...paper, end: aSwitch(11) }],
    ['glass', glass],
  ]);

const output = (offset: number) => ({
  at: { chip: 'bin', offset },
  activeLow: false,
  maxOnMs: 1_000,
  minOffMs: 50,
});
const way = (offset: number) => ({ output: output(offset), onMs: 300, settleMs: 100 });

const gates = {
  lines: (home: boolean, latencyMs: number) => {
    const compartments = withEnds(way(1), way(2));
    return aLinesGate({ compartments, ...(home && { home: aSwitch(10) }) }, {}, latencyMs);
  },
  servo: (home: boolean, latencyMs: number) => {
    const compartments = withEnds({ position: { pulseUs: 1_000 } }, { position: { pulseUs: 2_000 } });
    return aServoGate({ compartments, ...(home && { home: aSwitch(10) }) }, latencyMs);
  },
};

for (const [name, make] of Object.entries(gates))
  describe(`a gate of ${name}, whatever is asked for and whatever happens`, () => {
    it('never asks for a second output while one is on or rests, and leaves none on', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 30 }),
          fc.boolean(),
          fc.integer({ min: 0, max: 3 }),
          async (steps, home, latencyMs) => {
            const { gate: bare, lines, clock } = make(home, latencyMs);
            const gate = new LockedGate(bare);
            const asked: Promise<unknown>[] = [];
            let abort = new AbortController();
            for (const now of steps) {
              if (now.do === 'move') asked.push(gate.move(now.to, abort.signal));
              else if (now.do === 'home') asked.push(gate.home(abort.signal));
              else if (now.do === 'unlock') asked.push(gate.unlock(abort.signal));
              else if (now.do === 'lock') asked.push(gate.lock('service'));
              else if (now.do === 'pass') await clock.advance(now.ms);
              else if (now.do === 'cut') for (const on of lines.on) lines.cut(on, 'lease');
              else if (now.do === 'switch') lines.set(now.name, now.active);
              else {
                abort.abort(new Error('too late'));
                abort = new AbortController();
              }
              for (const promise of asked) promise.catch(() => {});
            }
            await clock.advance(10_000);
            const answers = await Promise.allSettled(asked);
            for (const answer of answers)
              if (answer.status === 'rejected') assert.match(String(answer.reason), /too late/);
            assert.deepEqual(lines.refusals, []);
            assert.deepEqual([lines.on, clock.waiting], [[], 0]);
          },
        ),
        { numRuns: 150 },
      ));

    it('is off for good once it was made safe at any moment', () =>
      fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 1_200 }), fc.boolean(), async (atMs, home) => {
          const { gate, lines, clock } = make(home, 1);
          const move = gate.move('glass', new AbortController().signal);
          await clock.advance(atMs);
          const safe = gate.safe();
          await clock.advance(5_000);
          await safe;
          await move;
          assert.deepEqual([lines.on, clock.waiting], [[], 0]);
        }),
        { numRuns: 50 },
      ));
  });
