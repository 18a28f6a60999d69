import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LockedGate } from '../../../device/hardware/gate/locked-gate.js';
import { SimulatedGate } from '../../../device/hardware/gate/simulated-gate.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { gateContract } from '../../contract/gate-contract.js';
import { aServoGate, benchOf, outcome } from '../../support/hardware/gates.js';

const aLockedGate = () => {
  const { gate, ...rest } = aServoGate();
  return { gate: new LockedGate(gate), ...rest };
};

gateContract('lockable, unlocked', () => benchOf(aLockedGate()));

const neverAborted = new AbortController().signal;

describe('a locked gate', () => {
  it('refuses to move and to return home, and gives the reason', async () => {
    const { gate, lines } = aLockedGate();
    await gate.lock('the bin is emptied');
    for (const answer of [await gate.move('paper', neverAborted), await gate.home(neverAborted)]) {
      assert.equal(outcome(answer), 'gate-locked');
      assert.match(answer.ok ? '' : answer.fault.message, /the bin is emptied/);
    }
    assert.equal(gate.lockReason, 'the bin is emptied');
    assert.deepEqual(lines.log, []);
  });

  it('stops a running move, which returns gate-locked', async () => {
    const { gate, lines, clock } = aLockedGate();
    const move = gate.move('paper', neverAborted);
    await clock.advance(100);
    await gate.lock('service');
    assert.deepEqual(lines.on, []);
    assert.equal(outcome(await move), 'gate-locked');
    assert.equal(clock.waiting, 0);
  });

  it('returns home before it is unlocked and may move', async () => {
    const { gate, lines, clock } = aLockedGate();
    await gate.lock('service');
    const unlocked = gate.unlock(neverAborted);
    await clock.advance(100);
    assert.deepEqual(lines.log, ['+gate-servo 1500']);
    assert.equal(outcome(await gate.move('paper', neverAborted)), 'gate-locked');
    await clock.advance(200);
    assert.equal(outcome(await unlocked), 'ok');
    const move = gate.move('paper', neverAborted);
    await clock.advance(800);
    assert.equal(outcome(await move), 'ok');
  });

  it('stays locked if it cannot return home', async () => {
    const { gate, lines } = aLockedGate();
    await gate.lock('service');
    lines.set('lid', true);
    assert.equal(outcome(await gate.unlock(neverAborted)), 'gate-guarded');
    assert.equal(outcome(await gate.move('paper', neverAborted)), 'gate-locked');
  });

  it('stays locked if it is locked again during the return home', async () => {
    const { gate, lines, clock } = aLockedGate();
    await gate.lock('service');
    const unlocked = gate.unlock(neverAborted);
    await clock.advance(100);
    await gate.lock('second lock');
    assert.equal(outcome(await unlocked), 'gate-locked');
    assert.equal(gate.lockReason, 'second lock');
    assert.deepEqual(lines.on, []);
  });

  it('keeps a new lock that is set at any moment of an unlock', async () => {
    for (let ticks = 0; ticks < 20; ticks++) {
      const gate = new LockedGate(new SimulatedGate({ script: [], moveMs: 0, clock: new SimulatedClock() }));
      await gate.lock('service');
      const unlocked = gate.unlock(neverAborted);
      for (let tick = 0; tick < ticks; tick++) await null;
      await gate.lock('second lock');
      await unlocked;
      assert.equal(gate.lockReason, 'second lock');
    }
  });

  it('can be made safe while it is locked', async () => {
    const { gate, lines, clock } = aLockedGate();
    await gate.lock('service');
    const unlocked = gate.unlock(neverAborted);
    await clock.advance(100);
    await gate.safe();
    assert.deepEqual(lines.on, []);
    assert.equal(outcome(await unlocked), 'gate-failed');
  });
});
