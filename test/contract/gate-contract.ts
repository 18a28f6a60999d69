import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Gate } from '../../device/hardware/gate/gate.js';

/** A gate whose moves work and take a second at most, and time that passes for it. */
export interface GateBench {
  readonly gate: Gate;
  /** Whether anything that moves it is energised, seen from outside. */
  energised(): boolean;
  /** Opens or shuts the lid that guards it; left out: it has none. */
  readonly openLid?: (isOpen: boolean) => void;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

const never = new AbortController().signal;

export const gateContract = (name: string, make: () => GateBench) =>
  describe(`gate: ${name}`, () => {
    it('moves, comes home and leaves nothing energised', async () => {
      const { gate, energised, nowMs, pass } = make();
      const askedMs = nowMs();
      const move = gate.move('paper', never);
      await pass(1);
      assert.equal(energised(), true);
      await pass(2_000);
      const answer = await move;
      assert.ok(answer.ok);
      const { commandedAtMs, homeAtMs } = answer.value;
      assert.ok(askedMs <= commandedAtMs && commandedAtMs <= homeAtMs && homeAtMs <= nowMs());
      assert.equal(energised(), false);
    });

    it('refuses a second move during the first, which goes on', async () => {
      const { gate, pass } = make();
      const first = gate.move('paper', never);
      const second = await gate.move('glass', never);
      assert.equal(!second.ok && second.fault.code, 'gate-busy');
      await pass(2_000);
      assert.ok((await first).ok);
    });

    for (const [when, afterMs] of [
      ['at once', 0],
      ['in the middle', 1],
    ] as const)
      it(`leaves nothing energised when a move is aborted ${when}, and moves again`, async () => {
        const { gate, energised, pass } = make();
        const abort = new AbortController();
        const move = gate.move('paper', abort.signal);
        if (afterMs > 0) await pass(afterMs);
        abort.abort(new Error('too late'));
        await assert.rejects(move, /too late/);
        assert.equal(energised(), false);
        const home = gate.home(never);
        await pass(2_000);
        assert.ok((await home).ok);
        const again = gate.move('paper', never);
        await pass(2_000);
        assert.ok((await again).ok);
      });

    it('neither moves nor comes home for a signal that is aborted already', async () => {
      const { gate, energised } = make();
      const aborted = AbortSignal.abort(new Error('too late'));
      await assert.rejects(gate.move('paper', aborted), /too late/);
      await assert.rejects(gate.home(aborted), /too late/);
      assert.equal(energised(), false);
    });

    it('ends a running move to come home', async () => {
      const { gate, energised, pass } = make();
      const move = gate.move('paper', never);
      await pass(1);
      const home = gate.home(never);
      await pass(2_000);
      assert.ok((await home).ok);
      const moved = await move;
      assert.equal(!moved.ok && moved.fault.code, 'gate-failed');
      assert.equal(energised(), false);
    });

    it('neither moves nor comes home with the lid open, since a hand may hold it, and does both once it is shut', async (test) => {
      const { gate, energised, openLid, pass } = make();
      if (!openLid) return test.skip('it has no lid');
      openLid(true);
      for (const ask of [() => gate.move('paper', never), () => gate.home(never)]) {
        const asked = ask();
        await pass(2_000);
        const answer = await asked;
        assert.equal(!answer.ok && answer.fault.code, 'gate-guarded');
      }
      openLid(false);
      const opened = gate.home(never);
      await pass(1);
      openLid(true);
      await pass(2_000);
      const answer = await opened;
      assert.equal(!answer.ok && answer.fault.code, 'gate-guarded');
      assert.equal(energised(), false);
      openLid(false);
      const home = gate.home(never);
      await pass(2_000);
      assert.ok((await home).ok);
    });

    it('is de-energised by safe, during a move too, and stays so', async () => {
      const { gate, energised, pass } = make();
      const move = gate.move('paper', never);
      await pass(1);
      await gate.safe();
      assert.equal(energised(), false);
      for (const later of [move, gate.move('paper', never), gate.home(never)]) {
        await pass(2_000);
        assert.equal(energised(), false);
        const answer = await later;
        assert.equal(!answer.ok && answer.fault.code, 'gate-failed');
      }
    });
  });
