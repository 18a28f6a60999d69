import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Edge } from '../../../../device/hardware/lines/lines.js';
import { SimulatedLines } from '../../../../device/hardware/lines/simulated/simulated-lines.js';
import { nowNs } from '../../../../device/hardware/lines/time.js';
import { SimulatedClock } from '../../../../device/kit/simulated-clock.js';
import { linesContract } from '../../../contract/lines-contract.js';

linesContract('simulated', async () => {
  const clock = new SimulatedClock();
  const lines = new SimulatedLines({ clock, missing: ['nowhere'] });
  await lines.start(never);
  return {
    lines,
    at: (name) => ({ line: name }),
    missingLine: { chip: 'nowhere', offset: 0 },
    servo: { chip: '0', channel: 0 },
    press: (name, active) => lines.set(name, active),
    level: (name) => lines.read(name) > 0,
    nowNs: () => nowNs(clock),
    advance: (ms) => clock.advance(ms),
    close: () => lines.close(),
  };
});

const never = new AbortController().signal;
const INPUT = { at: { line: 'any' }, bias: 'as-is', activeLow: false, debounceMs: 0 } as const;
const OUTPUT = {
  at: { line: 'any' },
  activeLow: false,
  maxOnMs: 5_000,
  minOffMs: 0,
  group: null,
  guards: ['lid'],
} as const;

const setUp = async (debounceMs = 0) => {
  const clock = new SimulatedClock();
  const lines = new SimulatedLines({ clock });
  const lid = await lines.input('lid', { ...INPUT, debounceMs });
  const gate = await lines.output('gate', OUTPUT);
  assert.ok(lid.ok && gate.ok);
  const edges: Edge[] = [];
  lid.value.onEdge((edge) => edges.push(edge));
  const health: (string | null)[] = [];
  const details: (string | undefined)[] = [];
  lines.onHealth((fault) => {
    health.push(fault?.code ?? null);
    details.push(fault?.detail);
  });
  return { clock, lines, lid: lid.value, gate: gate.value, edges, health, details };
};

describe('simulated lines', () => {
  it('report a level when it was steady for the debounce time', async () => {
    const { clock, lines, lid, edges } = await setUp(20);
    for (const active of [true, false, true]) {
      lines.set('lid', active);
      await clock.advance(15);
    }
    assert.deepEqual(edges, []);
    await clock.advance(5);
    assert.deepEqual(edges, [{ active: true, atNs: 1_050_000_000n, missed: 0 }]);
    assert.deepEqual(await lid.active(), { ok: true, value: true });
  });

  it('lose an unplugged line until it is plugged in, and report the change then', async () => {
    const { lines, lid, gate, edges, health } = await setUp();
    const hold = gate.hold(never);
    lines.unplug('gate');
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'gone');
    const refused = await gate.hold(never);
    assert.equal(!refused.ok && refused.fault.code, 'line-gone');
    lines.plug('gate');
    lines.unplug('lid');
    lines.set('lid', true);
    const level = await lid.active();
    assert.equal(!level.ok && level.fault.code, 'line-gone');
    const guarded = await gate.hold(never);
    assert.equal(!guarded.ok && guarded.fault.code, 'line-guarded');
    assert.deepEqual(edges, []);
    lines.plug('lid');
    assert.deepEqual(
      edges.map(({ active }) => active),
      [true],
    );
    assert.deepEqual(health, ['line-gone', null, 'line-gone', null]);
  });

  it('report the line that is still lost when another one is back, and a driver that is down before both', async () => {
    const { lines, health, details } = await setUp();
    lines.unplug('gate');
    lines.unplug('lid');
    assert.deepEqual(details, ['gate']);
    lines.plug('gate');
    lines.fail();
    lines.recover();
    lines.plug('lid');
    assert.deepEqual(health, ['line-gone', 'line-gone', 'lines-down', 'line-gone', null]);
    assert.deepEqual(details, ['gate', 'lid', undefined, 'lid', undefined]);
  });

  it('name the line in the detail of each refusal', async () => {
    const { lines, gate } = await setUp();
    const details: (string | undefined)[] = [];
    const note = (answer: { ok: true } | { ok: false; fault: { detail?: string } }) =>
      details.push(answer.ok ? 'no fault' : answer.fault.detail);
    note(await gate.pulse(0, never));
    note(await lines.output('flap', { ...OUTPUT, guards: ['nothing'] }));
    lines.set('lid', true);
    note(await gate.pulse(10, never));
    lines.unplug('gate');
    note(await gate.pulse(10, never));
    assert.deepEqual(details, ['gate', 'flap', 'gate', 'gate']);
  });

  it('go down on fail and work again on recover', async () => {
    const { clock, lines, gate, edges, health } = await setUp();
    const hold = gate.hold(never);
    lines.fail();
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'down');
    assert.equal(lines.read('gate'), 0);
    lines.set('lid', true);
    const refused = await gate.hold(never);
    assert.equal(!refused.ok && refused.fault.code, 'lines-down');
    assert.deepEqual(edges, []);
    lines.recover();
    assert.equal(edges.length, 1);
    assert.deepEqual(health, ['lines-down', null]);
    await lines.close();
    assert.equal(clock.waiting, 0);
  });
});
