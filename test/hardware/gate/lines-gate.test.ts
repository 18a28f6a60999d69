import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LineFault, OffReason } from '../../../device/hardware/lines/lines.js';
import { gateContract } from '../../contract/gate-contract.js';
import { aLinesGate, aSwitch, benchOf, outcome } from '../../support/hardware/gates.js';

gateContract('lines', () => benchOf(aLinesGate()));

const neverAborted = new AbortController().signal;

describe('a gate of outputs', () => {
  it('turns its output on for onMs, and is home after settleMs', async () => {
    const { gate, lines, clock } = aLinesGate();
    const move = gate.move('paper', neverAborted);
    await clock.advance(299);
    assert.deepEqual(lines.on, ['gate-paper']);
    await clock.advance(1);
    assert.deepEqual(lines.on, []);
    await clock.advance(200);
    const moved = await move;
    assert.equal(moved.ok && moved.value.homeAtMs - moved.value.commandedAtMs, 500);
    assert.deepEqual(lines.log, ['+gate-paper', '-gate-paper time']);
    assert.equal(clock.waiting, 0);
  });

  it('stays at home for a passive compartment, and refuses an unknown one', async () => {
    const { gate, lines } = aLinesGate();
    assert.equal(outcome(await gate.move('residual', neverAborted)), 'ok');
    const unknown = await gate.move('constructor', neverAborted);
    assert.match(unknown.ok ? '' : unknown.fault.message, /"constructor".*"paper", "glass", "residual"/);
    assert.equal(outcome(unknown), 'gate-failed');
    assert.deepEqual(lines.log, []);
  });

  it('turns its output off as soon as the end switch is active', async () => {
    const { gate, lines, clock } = aLinesGate({}, { end: aSwitch(11) });
    const move = gate.move('paper', neverAborted);
    await clock.advance(120);
    lines.set('gate-paper.end', true);
    await clock.advance(0);
    assert.deepEqual(lines.log, ['+gate-paper', '-gate-paper command']);
    lines.set('gate-paper.end', false);
    await clock.advance(200);
    assert.equal(outcome(await move), 'ok');
    assert.equal(clock.waiting, 0);
  });

  it('reads the end switch again at the time limit, because an edge can be lost', async () => {
    const { gate, lines, clock } = aLinesGate({}, { end: aSwitch(11) });
    lines.losesEdges = true;
    const move = gate.move('paper', neverAborted);
    await clock.advance(120);
    lines.set('gate-paper.end', true);
    await clock.advance(380);
    assert.equal(outcome(await move), 'ok');
  });

  it('repeats a jammed move up to `retries` times, with everything off for backOffMs before each repetition', async () => {
    const { gate, lines, clock } = aLinesGate({}, { end: aSwitch(11) });
    const jam = gate.move('paper', neverAborted);
    await clock.advance(300);
    assert.deepEqual(lines.on, []);
    await clock.advance(99);
    assert.deepEqual(lines.on, []);
    await clock.advance(1);
    assert.deepEqual(lines.on, ['gate-paper']);
    await clock.advance(1_000);
    const jammed = await jam;
    assert.equal(outcome(jammed), 'gate-jammed');
    assert.match(jammed.ok ? '' : jammed.fault.message, /"gate-paper\.end".*Attempts: 3\. Free the gate\./);
    assert.equal(lines.log.filter((line) => line === '+gate-paper').length, 3);
    const freed = gate.move('paper', neverAborted);
    await clock.advance(450);
    lines.set('gate-paper.end', true);
    await clock.advance(300);
    assert.equal(outcome(await freed), 'ok');
  });

  it('is jammed if the end switch is active before the move', async () => {
    const { gate, lines } = aLinesGate({}, { end: aSwitch(11) });
    lines.set('gate-paper.end', true);
    assert.equal(outcome(await gate.move('paper', neverAborted)), 'gate-jammed');
    assert.deepEqual(lines.log, []);
  });

  it('waits for the home switch after a move and at the start', async () => {
    const { gate, lines, clock } = aLinesGate({ home: aSwitch(10), retries: 0 });
    const started = gate.home(neverAborted);
    await clock.advance(399);
    lines.set('gate.home', true);
    await clock.advance(0);
    assert.equal(outcome(await started), 'ok');
    const move = gate.move('paper', neverAborted);
    await clock.advance(1);
    lines.set('gate.home', false);
    await clock.advance(898);
    lines.set('gate.home', true);
    await clock.advance(0);
    assert.equal(outcome(await move), 'ok');
    const away = gate.move('paper', neverAborted);
    lines.set('gate.home', false);
    await clock.advance(900);
    assert.equal(outcome(await away), 'gate-jammed');
    const lost = gate.home(neverAborted);
    await clock.advance(400);
    assert.equal(outcome(await lost), 'gate-jammed');
    assert.equal(clock.waiting, 0);
  });

  it('does not move while the lid is open, and stops at once when the lid opens', async () => {
    const { gate, lines, clock } = aLinesGate();
    lines.set('lid', true);
    assert.equal(outcome(await gate.move('paper', neverAborted)), 'gate-guarded');
    lines.set('lid', false);
    const move = gate.move('paper', neverAborted);
    await clock.advance(100);
    lines.set('lid', true);
    const stopped = await move;
    assert.equal(outcome(stopped), 'gate-guarded');
    assert.match(
      stopped.ok ? '' : stopped.fault.message,
      /"gate-paper": turned off during the move\. A guard/,
    );
    assert.deepEqual(lines.log, ['+gate-paper', '-gate-paper guard']);
  });

  it('is home with an open lid if the home switch is active, and is guarded, not jammed, if the lid opens during the return', async () => {
    const { gate, lines, clock } = aLinesGate({ home: aSwitch(10) });
    lines.set('lid', true);
    const guarded = await gate.home(neverAborted);
    assert.match(
      guarded.ok ? '' : guarded.fault.message,
      /cannot return home while the guard "lid" is active/,
    );
    lines.set('gate.home', true);
    assert.equal(outcome(await gate.home(neverAborted)), 'ok');
    lines.set('gate.home', false);
    lines.set('lid', false);
    const held = gate.home(neverAborted);
    await clock.advance(100);
    lines.set('lid', true);
    await clock.advance(300);
    assert.equal(outcome(await held), 'gate-guarded');
    lines.fail('lid', 'line-gone');
    assert.equal(outcome(await gate.home(neverAborted)), 'gate-failed');
    assert.equal(clock.waiting, 0);
  });

  it('names the line at fault in the detail, but no line for a guard, which blocks the whole gate', async () => {
    const { gate, lines, clock } = aLinesGate();
    const detail = (answer: Awaited<ReturnType<typeof gate.move>>) =>
      answer.ok ? 'no fault' : [answer.fault.code, answer.fault.detail];
    lines.fail('gate-paper', 'line-gone');
    assert.deepEqual(detail(await gate.move('paper', neverAborted)), ['gate-failed', 'gate-paper']);
    lines.fail('gate-paper', null);
    const move = gate.move('paper', neverAborted);
    await clock.advance(100);
    lines.turnOff('gate-paper', 'down');
    assert.deepEqual(detail(await move), ['gate-failed', 'gate-paper']);
    lines.set('lid', true);
    for (const compartment of ['paper', 'glass'])
      assert.deepEqual(detail(await gate.move(compartment, neverAborted)), ['gate-guarded', undefined]);
  });

  it('keeps an output off for minOffMs', async () => {
    const output = { at: { chip: 'bin', offset: 1 }, activeLow: false, maxOnMs: 1_000, minOffMs: 700 };
    const { gate, lines, clock } = aLinesGate({}, { output });
    for (let count = 0; count < 2; count++) {
      const move = gate.move('paper', neverAborted);
      await clock.advance(count === 0 ? 500 : 1_000);
      assert.equal(outcome(await move), 'ok');
    }
    assert.deepEqual(lines.refusals, []);
  });

  it('ends a move only after its output is off, even with a slow line', async () => {
    const { gate, lines, clock } = aLinesGate({}, {}, 20);
    const abort = new AbortController();
    let onAtEnd: string[] | undefined;
    const ended = gate.move('paper', abort.signal).catch(() => {
      onAtEnd = lines.on;
    });
    await clock.advance(100);
    abort.abort(new Error('too late'));
    await clock.advance(19);
    assert.equal(onAtEnd, undefined);
    await clock.advance(1);
    await ended;
    assert.deepEqual(onAtEnd, []);
  });

  it('puts its outputs into one group, so that the driver of the lines also refuses a second one', async () => {
    const { gate, lines, clock } = aLinesGate();
    const rules = {
      at: { line: 'x' },
      activeLow: false,
      maxOnMs: 1_000,
      minOffMs: 0,
      group: 'gate',
      guards: [],
    };
    const other = await lines.output('other', rules);
    const held = other.ok && other.value.hold(neverAborted);
    await clock.advance(0);
    const refused = await gate.move('paper', neverAborted);
    assert.equal(outcome(refused), 'gate-failed');
    assert.match(refused.ok ? '' : refused.fault.message, /"other" of group "gate" is on/);
    await lines.safe();
    await held;
  });

  it('makes every line safe, including the lines of other parts', async () => {
    const { gate, lines, clock } = aLinesGate();
    const rules = {
      at: { line: 'lamp' },
      activeLow: false,
      maxOnMs: 1_000,
      minOffMs: 0,
      group: null,
      guards: [],
    };
    const lamp = await lines.output('lamp', rules);
    const lit = lamp.ok && lamp.value.hold(neverAborted);
    await clock.advance(0);
    assert.deepEqual(lines.on, ['lamp']);
    await gate.safe();
    assert.deepEqual(lines.on, []);
    await lit;
  });

  const faults: LineFault[] = ['line-missing', 'line-busy', 'line-denied', 'line-gone', 'lines-down'];
  for (const fault of faults)
    for (const name of ['gate-paper', 'gate-paper.end', 'gate.home'])
      it(`returns gate-failed with the line's message if ${name} is ${fault}, and requests the line again at the next call`, async () => {
        const { gate, lines, clock } = aLinesGate({ home: aSwitch(10) }, { end: aSwitch(11) });
        lines.set('gate.home', true);
        lines.fail(name, fault);
        for (const answer of [await gate.home(neverAborted), await gate.move('paper', neverAborted)]) {
          assert.equal(outcome(answer), 'gate-failed');
          assert.match(answer.ok ? '' : answer.fault.message, new RegExp(`"${name}" answers ${fault}`));
        }
        lines.fail(name, null);
        assert.equal(outcome(await gate.home(neverAborted)), 'ok');
        // A fault after the request is reported, too.
        lines.fail(name, fault);
        const move = gate.move('paper', neverAborted);
        await clock.advance(2_000);
        assert.equal(outcome(await move), name === 'gate.home' ? 'gate-jammed' : 'gate-failed');
        assert.deepEqual(lines.on, []);
      });

  for (const reason of ['command', 'bound', 'lease', 'gone', 'down'] satisfies OffReason[])
    it(`fails if its output is turned off during a move for the reason ${reason}`, async () => {
      const { gate, lines, clock } = aLinesGate();
      const move = gate.move('paper', neverAborted);
      await clock.advance(100);
      lines.turnOff('gate-paper', reason);
      assert.equal(outcome(await move), 'gate-failed');
      assert.equal(clock.waiting, 0);
    });

  it('refuses an onMs above the maximum on-time of the output', () => {
    assert.throws(
      () => aLinesGate({}, { onMs: 1_001 }),
      /^SortbinError: gate\.compartments\.paper\.onMs: 1001 ms is longer than output\.maxOnMs, 1000 ms\./,
    );
  });

  it('leaves no timer and no output on if it is aborted at any moment', async () => {
    for (let atMs = 0; atMs < 1_800; atMs += 50) {
      const { gate, lines, clock } = aLinesGate({ home: aSwitch(10) }, { end: aSwitch(11) });
      const abort = new AbortController();
      const move = gate.move('paper', abort.signal);
      await clock.advance(atMs);
      if (clock.waiting === 0) break;
      abort.abort(new Error('too late'));
      await assert.rejects(move, /too late/);
      assert.deepEqual([clock.waiting, lines.on], [0, []]);
    }
  });
});
