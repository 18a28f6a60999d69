import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LockedGate } from '../../../device/hardware/gate/locked-gate.js';
import { SimulatedGate } from '../../../device/hardware/gate/simulated-gate.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { gateContract } from '../../contract/gate-contract.js';
import { aServoGate, benchOf, outcome } from '../../support/gates.js';

const aLockedGate = () => {
  const { gate, ...rest } = aServoGate();
  return { gate: new LockedGate(gate), ...rest };
};

gateContract('with a lock, unlocked', () => benchOf(aLockedGate()));

const never = new AbortController().signal;

describe('a locked gate', () => {
  it('neither moves nor comes home, and says why', async () => {
    const { gate, lines } = aLockedGate();
    await gate.lock('the bin is emptied');
    for (const answer of [await gate.move('paper', never), await gate.home(never)]) {
      assert.equal(outcome(answer), 'gate-locked');
      assert.match(answer.ok ? '' : answer.fault.message, /the bin is emptied/);
    }
    assert.equal(gate.lockReason, 'the bin is emptied');
    assert.deepEqual(lines.log, []);
  });

  it('stops a running move, which answers that it is locked', async () => {
    const { gate, lines, clock } = aLockedGate();
    const move = gate.move('paper', never);
    await clock.advance(100);
    await gate.lock('service');
    assert.deepEqual(lines.on, []);
    assert.equal(outcome(await move), 'gate-locked');
    assert.equal(clock.waiting, 0);
  });

  it('comes home first when it is unlocked, and moves only then', async () => {
    const { gate, lines, clock } = aLockedGate();
    await gate.lock('service');
    const unlocked = gate.unlock(never);
    await clock.advance(100);
    assert.deepEqual(lines.log, ['+gate-servo 1500']);
    assert.equal(outcome(await gate.move('paper', never)), 'gate-locked');
    await clock.advance(200);
    assert.equal(outcome(await unlocked), 'ok');
    const move = gate.move('paper', never);
    await clock.advance(800);
    assert.equal(outcome(await move), 'ok');
  });

  it('stays locked when it cannot come home', async () => {
    const { gate, lines } = aLockedGate();
    await gate.lock('service');
    lines.set('lid', true);
    assert.equal(outcome(await gate.unlock(never)), 'gate-guarded');
    assert.equal(outcome(await gate.move('paper', never)), 'gate-locked');
  });

  it('stays locked when it is locked again while it comes home', async () => {
    const { gate, lines, clock } = aLockedGate();
    await gate.lock('service');
    const unlocked = gate.unlock(never);
    await clock.advance(100);
    await gate.lock('once more');
    assert.equal(outcome(await unlocked), 'gate-locked');
    assert.equal(gate.lockReason, 'once more');
    assert.deepEqual(lines.on, []);
  });

  it('is locked by whoever locks it last, at whatever moment of an unlocking', async () => {
    for (let ticks = 0; ticks < 20; ticks++) {
      const gate = new LockedGate(new SimulatedGate({ script: [], moveMs: 0, clock: new SimulatedClock() }));
      await gate.lock('service');
      const unlocked = gate.unlock(never);
      for (let tick = 0; tick < ticks; tick++) await null;
      await gate.lock('once more');
      await unlocked;
      assert.equal(gate.lockReason, 'once more');
    }
  });

  it('is made safe as ever', async () => {
    const { gate, lines, clock } = aLockedGate();
    await gate.lock('service');
    const unlocked = gate.unlock(never);
    await clock.advance(100);
    await gate.safe();
    assert.deepEqual(lines.on, []);
    assert.equal(outcome(await unlocked), 'gate-failed');
  });
});
