import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LockedGate } from '../../../device/hardware/gate/locked-gate.js';
import { aLinesGate, aServoGate, aSwitch } from '../../support/hardware/gates.js';

const SWITCHES = ['gate.home', 'gate-paper.end', 'gate-glass.end', 'lid'];

const anyStep = fc.oneof(
  fc.record({ do: fc.constant('move' as const), to: fc.constantFrom('paper', 'glass', 'residual') }),
  fc.record({ do: fc.constantFrom('home', 'abort', 'lock', 'unlock', 'cut' as const) }),
  fc.record({ do: fc.constant('switch' as const), name: fc.constantFrom(...SWITCHES), active: fc.boolean() }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 600 }) }),
);

const withEnds = <R extends object>(paper: R, glass: R) =>
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
const route = (offset: number) => ({ output: output(offset), onMs: 300, settleMs: 100 });

const gates = {
  lines: (home: boolean, latencyMs: number) => {
    const compartments = withEnds(route(1), route(2));
    return aLinesGate({ compartments, ...(home && { home: aSwitch(10) }) }, {}, latencyMs);
  },
  servo: (home: boolean, latencyMs: number) => {
    const compartments = withEnds({ position: { pulseUs: 1_000 } }, { position: { pulseUs: 2_000 } });
    return aServoGate({ compartments, ...(home && { home: aSwitch(10) }) }, latencyMs);
  },
};

for (const [name, make] of Object.entries(gates))
  describe(`a gate of ${name}, under random requests, switch changes and aborts`, () => {
    it('never requests an output while another is on or one rests, and leaves none on', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(anyStep, { maxLength: 30 }),
          fc.boolean(),
          fc.integer({ min: 0, max: 3 }),
          async (steps, home, latencyMs) => {
            const { gate: inner, lines, clock } = make(home, latencyMs);
            const gate = new LockedGate(inner);
            const requests: Promise<unknown>[] = [];
            let abort = new AbortController();
            for (const step of steps) {
              if (step.do === 'move') requests.push(gate.move(step.to, abort.signal));
              else if (step.do === 'home') requests.push(gate.home(abort.signal));
              else if (step.do === 'unlock') requests.push(gate.unlock(abort.signal));
              else if (step.do === 'lock') requests.push(gate.lock('service'));
              else if (step.do === 'pass') await clock.advance(step.ms);
              else if (step.do === 'cut') for (const on of lines.on) lines.turnOff(on, 'lease');
              else if (step.do === 'switch') lines.set(step.name, step.active);
              else {
                abort.abort(new Error('too late'));
                abort = new AbortController();
              }
              for (const request of requests) request.catch(() => {});
            }
            await clock.advance(10_000);
            const answers = await Promise.allSettled(requests);
            for (const answer of answers)
              if (answer.status === 'rejected') assert.match(String(answer.reason), /too late/);
            assert.deepEqual(lines.refusals, []);
            assert.deepEqual([lines.on, clock.waiting], [[], 0]);
          },
        ),
        { numRuns: 150 },
      ));

    it('stays off after safe() at any moment of a move', () =>
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
