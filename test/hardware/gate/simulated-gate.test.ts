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
  it('takes time, jams and hangs as the script says', async () => {
    const clock = new SimulatedClock();
    const script = [{ moveMs: 300 }, { fault: 'gate-jammed' }, { hang: true }] as const;
    const gate = new SimulatedGate({ script, moveMs: 800, clock });
    const abort = new AbortController();
    const quick = gate.move('paper', abort.signal);
    await clock.advance(300);
    const moved = await quick;
    assert.equal(moved.ok && moved.value.homeAtMs - moved.value.commandedAtMs, 300);
    const jam = gate.move('paper', abort.signal);
    await clock.advance(800);
    const jammed = await jam;
    assert.equal(!jammed.ok && jammed.fault.code, 'gate-jammed');
    const hang = gate.move('paper', abort.signal);
    await clock.advance(60_000);
    assert.equal(gate.energised, true);
    abort.abort(new Error('aborted'));
    await assert.rejects(hang, /aborted/);
  });
});
