import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Gate } from '../../device/hardware/gate/gate.js';

/** A working gate whose moves take one second at most, and a clock that the test advances. */
export interface GateBench {
  readonly gate: Gate;
  /** Whether an actuator of the gate is energised, observed from outside. */
  energised(): boolean;
  /** Opens or closes the lid that guards the gate. Undefined: the gate has no lid. */
  readonly openLid?: (isOpen: boolean) => void;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

const neverAborted = new AbortController().signal;

export const gateContract = (name: string, make: () => GateBench) =>
  describe(`gate: ${name}`, () => {
    it('moves, returns home and leaves nothing energised', async () => {
      const { gate, energised, nowMs, pass } = make();
      const requestedMs = nowMs();
      const move = gate.move('paper', neverAborted);
      await pass(1);
      assert.equal(energised(), true);
      await pass(2_000);
      const answer = await move;
      assert.ok(answer.ok);
      const { commandedAtMs, homeAtMs } = answer.value;
      assert.ok(requestedMs <= commandedAtMs && commandedAtMs <= homeAtMs && homeAtMs <= nowMs());
      assert.equal(energised(), false);
    });

    it('refuses a second move during the first, which continues', async () => {
      const { gate, pass } = make();
      const first = gate.move('paper', neverAborted);
      const second = await gate.move('glass', neverAborted);
      assert.equal(!second.ok && second.fault.code, 'gate-busy');
      await pass(2_000);
      assert.ok((await first).ok);
    });

    for (const [when, afterMs] of [
      ['at once', 0],
      ['in the middle', 1],
    ] as const)
      it(`leaves nothing energised if a move is aborted ${when}, and moves again`, async () => {
        const { gate, energised, pass } = make();
        const abort = new AbortController();
        const move = gate.move('paper', abort.signal);
        if (afterMs > 0) await pass(afterMs);
        abort.abort(new Error('too late'));
        await assert.rejects(move, /too late/);
        assert.equal(energised(), false);
        const home = gate.home(neverAborted);
        await pass(2_000);
        assert.ok((await home).ok);
        const again = gate.move('paper', neverAborted);
        await pass(2_000);
        assert.ok((await again).ok);
      });

    it('rejects a move and a return home if the signal is already aborted', async () => {
      const { gate, energised } = make();
      const aborted = AbortSignal.abort(new Error('too late'));
      await assert.rejects(gate.move('paper', aborted), /too late/);
      await assert.rejects(gate.home(aborted), /too late/);
      assert.equal(energised(), false);
    });

    it('cancels a running move to return home', async () => {
      const { gate, energised, pass } = make();
      const move = gate.move('paper', neverAborted);
      await pass(1);
      const home = gate.home(neverAborted);
      await pass(2_000);
      assert.ok((await home).ok);
      const moved = await move;
      assert.equal(!moved.ok && moved.fault.code, 'gate-failed');
      assert.equal(energised(), false);
    });

    it('refuses to move and to return home while the lid is open, and does both after it is closed', async (test) => {
      const { gate, energised, openLid, pass } = make();
      if (!openLid) return test.skip('the gate has no lid');
      openLid(true);
      for (const request of [() => gate.move('paper', neverAborted), () => gate.home(neverAborted)]) {
        const requested = request();
        await pass(2_000);
        const answer = await requested;
        assert.equal(!answer.ok && answer.fault.code, 'gate-guarded');
      }
      openLid(false);
      const interrupted = gate.home(neverAborted);
      await pass(1);
      openLid(true);
      await pass(2_000);
      const answer = await interrupted;
      assert.equal(!answer.ok && answer.fault.code, 'gate-guarded');
      assert.equal(energised(), false);
      openLid(false);
      const home = gate.home(neverAborted);
      await pass(2_000);
      assert.ok((await home).ok);
    });

    it('is de-energised by safe, also during a move, and stays off', async () => {
      const { gate, energised, pass } = make();
      const move = gate.move('paper', neverAborted);
      await pass(1);
      await gate.safe();
      assert.equal(energised(), false);
      for (const later of [move, gate.move('paper', neverAborted), gate.home(neverAborted)]) {
        await pass(2_000);
        assert.equal(energised(), false);
        const answer = await later;
        assert.equal(!answer.ok && answer.fault.code, 'gate-failed');
      }
    });
  });
