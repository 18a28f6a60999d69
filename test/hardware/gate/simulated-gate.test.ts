import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedGate } from '../../../device/hardware/gate/simulated-gate.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { gateContract } from '../../contract/gate-contract.js';

gateContract('simulated', () => {
  const clock = new SimulatedClock();
  const gate = new SimulatedGate({ script: [], moveMs: 800, clock });
  return {
    gate,
    energised: () => gate.energised,
    nowMs: () => clock.monotonicMs(),
    pass: (ms) => clock.advance(ms),
  };
});

describe('a simulated gate with a script', () => {
  it('takes its time, jams and hangs in turn', async () => {
    const clock = new SimulatedClock();
    const script = [{ moveMs: 300 }, { fault: 'gate-jammed' }, { hang: true }] as const;
    const gate = new SimulatedGate({ script, moveMs: 800, clock });
    const signal = new AbortController();
    const quick = gate.move('paper', signal.signal);
    await clock.advance(300);
    const moved = await quick;
    assert.equal(moved.ok && moved.value.homeAtMs - moved.value.commandedAtMs, 300);
    const jam = gate.move('paper', signal.signal);
    await clock.advance(800);
    const jammed = await jam;
    assert.equal(!jammed.ok && jammed.fault.code, 'gate-jammed');
    const hang = gate.move('paper', signal.signal);
    await clock.advance(60_000);
    assert.equal(gate.energised, true);
    signal.abort(new Error('given up'));
    await assert.rejects(hang, /given up/);
  });
});
