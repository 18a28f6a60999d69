import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pulseOf } from '../../../device/hardware/gate/servo-pulse.js';
import { SortbinError } from '../../../device/kit/errors.js';
import { gateContract } from '../../contract/gate-contract.js';
import { aServoGate, aSwitch, benchOf, outcome } from '../../support/gates.js';

gateContract('servo', () => benchOf(aServoGate()));

const never = new AbortController().signal;

const END = new Map([['paper', { position: { pulseUs: 1_000 }, end: aSwitch(11) }]]);

describe('a gate on a servo', () => {
  it('goes there, holds, comes home and gives no more pulses', async () => {
    const { gate, lines, clock } = aServoGate();
    const move = gate.move('glass', never);
    await clock.advance(499);
    assert.deepEqual(lines.log, ['+gate-servo 2000']);
    await clock.advance(301);
    const moved = await move;
    assert.equal(moved.ok && moved.value.homeAtMs - moved.value.commandedAtMs, 800);
    assert.deepEqual(lines.log.slice(1), ['-gate-servo command', '+gate-servo 1500', '-gate-servo command']);
    assert.equal(clock.waiting, 0);
  });

  it('drives home at the start, unless its switch says that it is there', async () => {
    const blind = aServoGate();
    const home = blind.gate.home(never);
    await blind.clock.advance(300);
    assert.equal(outcome(await home), 'ok');
    assert.deepEqual(blind.lines.log, ['+gate-servo 1500', '-gate-servo command']);
    const { gate, lines, clock } = aServoGate({ home: aSwitch(10) });
    const driven = gate.home(never);
    await clock.advance(100);
    lines.set('gate.home', true);
    assert.equal(outcome(await driven), 'ok');
    assert.equal(outcome(await gate.home(never)), 'ok');
    assert.deepEqual(lines.log, ['+gate-servo 1500', '-gate-servo command']);
  });

  it('is jammed when its home switch stays inactive, and gives no more pulses', async () => {
    const { gate, lines, clock } = aServoGate({ home: aSwitch(10) });
    const home = gate.home(never);
    await clock.advance(400);
    const jammed = await home;
    assert.equal(outcome(jammed), 'gate-jammed');
    assert.match(jammed.ok ? '' : jammed.fault.message, /"gate\.home".*400 ms/);
    assert.deepEqual([lines.on, clock.waiting], [[], 0]);
  });

  it('holds from the moment at which its end switch is active', async () => {
    const { gate, lines, clock } = aServoGate({ compartments: END });
    const move = gate.move('paper', never);
    await clock.advance(100);
    lines.set('gate-paper.end', true);
    await clock.advance(199);
    assert.deepEqual(lines.log, ['+gate-servo 1000']);
    await clock.advance(301);
    assert.equal(outcome(await move), 'ok');
  });

  it('tries a jammed move again after a pause without pulses, so many times', async () => {
    const { gate, lines, clock } = aServoGate({ compartments: END });
    const jam = gate.move('paper', never);
    await clock.advance(350);
    assert.deepEqual(lines.on, []);
    await clock.advance(750);
    assert.equal(outcome(await jam), 'gate-jammed');
    assert.equal(lines.log.filter((line) => line === '+gate-servo 1000').length, 3);
    assert.deepEqual([lines.on, clock.waiting], [[], 0]);
  });

  it('does not move with the lid open, and stops at once when it is opened, on its way home too', async () => {
    for (const openedAtMs of [0, 100, 600]) {
      const { gate, lines, clock } = aServoGate();
      const move = gate.move('paper', never);
      await clock.advance(openedAtMs);
      lines.set('lid', true);
      assert.equal(outcome(await move), 'gate-guarded');
      assert.equal(outcome(await gate.home(never)), 'gate-guarded');
      assert.deepEqual([lines.on, clock.waiting], [[], 0]);
    }
  });

  it('says how hardware PWM is enabled where there is none', async () => {
    for (const fault of ['line-missing', 'line-unsupported'] as const) {
      const { gate, lines } = aServoGate();
      lines.fail('gate-servo', fault);
      const answer = await gate.home(never);
      assert.equal(outcome(answer), 'gate-failed');
      assert.match(answer.ok ? '' : answer.fault.message, new RegExp(`${fault}.*"dtoverlay=pwm-2chan"`));
    }
  });

  it('refuses a position out of its bounds, and moves that its pulses may not last for', () => {
    const tooLong = new Map([['paper', { position: { pulseUs: 2_101 } }]]);
    assert.throws(
      () => aServoGate({ compartments: tooLong }),
      /"paper" has to be a pulse of 900 to 2100 us.*2101 us/,
    );
    assert.throws(() => aServoGate({ homePosition: { degrees: -60 } }), /"home".*"degrees":-60.*833 us/);
    assert.throws(() => aServoGate({ homePosition: { degrees: 91 } }), /"home".*"degrees":91/);
    assert.throws(() => aServoGate({ calibration: null }), /"glass".*an angle that is calibrated/);
    assert.throws(() => aServoGate({ moveMs: 1_900 }), /up to 2100 ms.*2000 ms at most/);
  });

  it('never has a pulse that passes the bounds, whatever position and calibration', () => {
    const number = fc.oneof(fc.integer({ min: -4_000, max: 4_000 }), fc.double());
    const position = fc.oneof(fc.record({ pulseUs: number }), fc.record({ degrees: number }));
    const calibration = fc.record({ fromDegrees: number, toDegrees: number, fromUs: number, toUs: number });
    const bounds = { minPulseUs: 900, maxPulseUs: 2_100 };
    fc.assert(
      fc.property(position, fc.option(calibration), (at, calibrated) => {
        try {
          const pulseUs = pulseOf('paper', at, calibrated, bounds);
          assert.ok(Number.isInteger(pulseUs) && pulseUs >= 900 && pulseUs <= 2_100);
        } catch (error) {
          assert.ok(error instanceof SortbinError && error.code === 'gate-rules');
        }
      }),
    );
  });
});
