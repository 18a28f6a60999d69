import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pulseOf } from '../../../device/hardware/gate/servo-pulse.js';
import { SortbinError } from '../../../device/kit/errors.js';
import { gateContract } from '../../contract/gate-contract.js';
import { aServoGate, aSwitch, benchOf, outcome } from '../../support/hardware/gates.js';

gateContract('servo', () => benchOf(aServoGate()));

const neverAborted = new AbortController().signal;

const END = new Map([['paper', { position: { pulseUs: 1_000 }, end: aSwitch(11) }]]);

describe('a gate on a servo', () => {
  it('moves, holds, returns home and stops the pulses', async () => {
    const { gate, lines, clock } = aServoGate();
    const move = gate.move('glass', neverAborted);
    await clock.advance(499);
    assert.deepEqual(lines.log, ['+gate-servo 2000']);
    await clock.advance(301);
    const moved = await move;
    assert.equal(moved.ok && moved.value.homeAtMs - moved.value.commandedAtMs, 800);
    assert.deepEqual(lines.log.slice(1), ['-gate-servo command', '+gate-servo 1500', '-gate-servo command']);
    assert.equal(clock.waiting, 0);
  });

  it('drives home at the start, unless the home switch is active', async () => {
    const timed = aServoGate();
    const home = timed.gate.home(neverAborted);
    await timed.clock.advance(300);
    assert.equal(outcome(await home), 'ok');
    assert.deepEqual(timed.lines.log, ['+gate-servo 1500', '-gate-servo command']);
    const { gate, lines, clock } = aServoGate({ home: aSwitch(10) });
    const driven = gate.home(neverAborted);
    await clock.advance(100);
    lines.set('gate.home', true);
    assert.equal(outcome(await driven), 'ok');
    assert.equal(outcome(await gate.home(neverAborted)), 'ok');
    assert.deepEqual(lines.log, ['+gate-servo 1500', '-gate-servo command']);
  });

  it('is jammed if the home switch stays inactive, and stops the pulses', async () => {
    const { gate, lines, clock } = aServoGate({ home: aSwitch(10) });
    const home = gate.home(neverAborted);
    await clock.advance(400);
    const jammed = await home;
    assert.equal(outcome(jammed), 'gate-jammed');
    assert.match(jammed.ok ? '' : jammed.fault.message, /"gate\.home".*400 ms/);
    assert.deepEqual([lines.on, clock.waiting], [[], 0]);
  });

  it('starts holdMs when the end switch becomes active', async () => {
    const { gate, lines, clock } = aServoGate({ compartments: END });
    const move = gate.move('paper', neverAborted);
    await clock.advance(100);
    lines.set('gate-paper.end', true);
    await clock.advance(199);
    assert.deepEqual(lines.log, ['+gate-servo 1000']);
    await clock.advance(301);
    assert.equal(outcome(await move), 'ok');
  });

  it('repeats a jammed move up to `retries` times, without pulses for backOffMs before each repetition', async () => {
    const { gate, lines, clock } = aServoGate({ compartments: END });
    const jam = gate.move('paper', neverAborted);
    await clock.advance(350);
    assert.deepEqual(lines.on, []);
    await clock.advance(750);
    assert.equal(outcome(await jam), 'gate-jammed');
    assert.equal(lines.log.filter((line) => line === '+gate-servo 1000').length, 3);
    assert.deepEqual([lines.on, clock.waiting], [[], 0]);
  });

  it('does not move while the lid is open, and stops at once when the lid opens, also during the return home', async () => {
    for (const openedAtMs of [0, 100, 600]) {
      const { gate, lines, clock } = aServoGate();
      const move = gate.move('paper', neverAborted);
      await clock.advance(openedAtMs);
      lines.set('lid', true);
      assert.equal(outcome(await move), 'gate-guarded');
      assert.equal(outcome(await gate.home(neverAborted)), 'gate-guarded');
      assert.deepEqual([lines.on, clock.waiting], [[], 0]);
    }
  });

  it('reports how to enable hardware PWM if the channel is missing', async () => {
    for (const fault of ['line-missing', 'line-unsupported'] as const) {
      const { gate, lines } = aServoGate();
      lines.fail('gate-servo', fault);
      const answer = await gate.home(neverAborted);
      assert.equal(outcome(answer), 'gate-failed');
      assert.match(answer.ok ? '' : answer.fault.message, new RegExp(`${fault}.*"dtoverlay=pwm-2chan"`));
    }
  });

  it('refuses a position outside the pulse limits, and moves longer than maxOnMs', () => {
    const tooLong = new Map([['paper', { position: { pulseUs: 2_101 } }]]);
    assert.throws(
      () => aServoGate({ compartments: tooLong }),
      /"paper": \{"pulseUs":2101\} gives 2101 us\. Allowed: a pulse of 900 to 2100 us/,
    );
    assert.throws(() => aServoGate({ homePosition: { degrees: -60 } }), /"home".*"degrees":-60.*833 us/);
    assert.throws(() => aServoGate({ homePosition: { degrees: 91 } }), /"home".*"degrees":91/);
    assert.throws(
      () => aServoGate({ calibration: null }),
      /"glass".*gives no pulse\..*an angle within gate\.calibration/,
    );
    assert.throws(
      () => aServoGate({ moveMs: 1_900 }),
      /^SortbinError: gate\.pwm\.maxOnMs: 2000 ms.*up to 2100 ms/,
    );
  });

  it('keeps every pulse within the limits, for any position and calibration', () => {
    const number = fc.oneof(fc.integer({ min: -4_000, max: 4_000 }), fc.double());
    const positions = fc.oneof(fc.record({ pulseUs: number }), fc.record({ degrees: number }));
    const calibrations = fc.record({ fromDegrees: number, toDegrees: number, fromUs: number, toUs: number });
    const limits = { minPulseUs: 900, maxPulseUs: 2_100 };
    fc.assert(
      fc.property(positions, fc.option(calibrations), (position, calibration) => {
        try {
          const pulseUs = pulseOf('paper', position, calibration, limits);
          assert.ok(Number.isInteger(pulseUs) && pulseUs >= 900 && pulseUs <= 2_100);
        } catch (error) {
          assert.ok(error instanceof SortbinError && error.code === 'gate-rules');
        }
      }),
    );
  });
});
