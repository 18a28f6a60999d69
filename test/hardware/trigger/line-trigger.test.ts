import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedLines } from '../../../device/hardware/lines/simulated/simulated-lines.js';
import { LineTrigger } from '../../../device/hardware/trigger/line-trigger.js';
import type { Trigger } from '../../../device/hardware/trigger/trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';
import { FakeInput, unwrap } from '../../support/hardware/fake-lines.js';

const neverAborted = new AbortController().signal;

const started = () => {
  const clock = new SimulatedClock(0);
  const input = new FakeInput(clock, 'beam');
  const trigger = new LineTrigger({
    input,
    source: 'beam',
    minGapMs: 200,
    clock,
    newId,
  });
  const triggers: Trigger[] = [];
  trigger.start((trigger) => triggers.push(trigger));
  const blink = async (activeMs: number, inactiveMs: number) => {
    input.set(true);
    await clock.advance(activeMs);
    input.set(false);
    await clock.advance(inactiveMs);
  };
  return { clock, input, trigger, triggers, blink, times: () => triggers.map(({ atMs }) => atMs) };
};

triggerContract('line', () => {
  const clock = new SimulatedClock();
  const input = new FakeInput(clock);
  return {
    source: new LineTrigger({ input, source: 'beam', minGapMs: 200, clock, newId }),
    passItem: async (stays) => {
      await clock.advance(1_000);
      input.set(true);
      await clock.advance(30);
      if (!stays) input.set(false);
    },
    nowMs: () => clock.monotonicMs(),
  };
});

const onLines = async () => {
  const clock = new SimulatedClock();
  const lines = new SimulatedLines({ clock });
  const at = { line: 'GPIO17' };
  const rules = { at, bias: 'pull-up', activeLow: true, debounceMs: 10 } as const;
  const input = unwrap(await lines.input('beam', rules));
  const source = new LineTrigger({ input, source: 'beam', minGapMs: 200, clock, newId });
  return { clock, lines, source };
};

triggerContract('line of simulated lines', async () => {
  const { clock, lines, source } = await onLines();
  return {
    source,
    passItem: async (stays) => {
      await clock.advance(1_000);
      lines.set('beam', true);
      await clock.advance(30);
      if (!stays) lines.set('beam', false);
    },
    nowMs: () => clock.monotonicMs(),
  };
});

it('a line trigger detects an item that arrived while the chip was unplugged', async () => {
  const { clock, lines, source } = await onLines();
  const triggers: Trigger[] = [];
  source.start((trigger) => triggers.push(trigger));
  lines.unplug('beam');
  await assert.rejects(source.level(neverAborted), { code: 'line-gone' });
  lines.set('beam', true);
  await clock.advance(100);
  lines.plug('beam');
  assert.equal(await source.level(neverAborted), true);
  assert.equal(triggers.length, 1);
});

describe('a line trigger', () => {
  it('has its source and the time of the edge, not the time of the report', async () => {
    const { clock, input, triggers } = started();
    await clock.advance(1_000);
    input.set(true, 0, 991_500_000n);
    const [first] = triggers;
    assert.deepEqual([first?.source, first?.atMs], ['beam', 991.5]);
    assert.equal((first?.wallMs ?? 0) - Math.round(clock.wallMs() - 8.5), 0);
  });

  it('is never later than the clock, so that a frame can be newer', () => {
    const { input, times } = started();
    input.set(true, 0, 5_000_000_000n);
    assert.deepEqual(times(), [0]);
  });

  it('counts a bouncing line as one passage, and an edge after a quiet gap as the next', async () => {
    const { blink, times } = started();
    for (let count = 0; count < 5; count++) await blink(40, 60);
    await blink(500, 199);
    await blink(10, 200);
    await blink(10, 0);
    assert.deepEqual(times(), [0, 500 + 699 + 210]);
  });

  it('triggers now and then on a line that flickers without end', async () => {
    const { blink, times } = started();
    for (let count = 0; count < 100; count++) await blink(30, 20);
    assert.deepEqual(times(), [0, 2_000, 4_000]);
  });

  it('detects an item whose first edge was lost', async () => {
    const { clock, input, times } = started();
    await clock.advance(100);
    input.set(false, 1);
    assert.deepEqual(times(), [100]);
  });

  it('detects a passage that the kernel reports as two edges to inactive', async () => {
    const { clock, input, blink, triggers } = started();
    await blink(30, 1_000);
    assert.equal(triggers.length, 1);
    input.emit(false);
    input.emit(false);
    assert.equal(triggers.length, 2);
    await clock.advance(1_000);
    input.emit(false);
    assert.equal(triggers.length, 3);
  });

  it('does not trigger at the end of a passage that began before the start', async () => {
    const clock = new SimulatedClock();
    const input = new FakeInput(clock);
    input.set(true);
    const triggers: Trigger[] = [];
    new LineTrigger({ input, source: 'switch', minGapMs: 0, clock, newId }).start((trigger) =>
      triggers.push(trigger),
    );
    input.set(false);
    assert.equal(triggers.length, 0);
  });

  it('rejects a level while the line cannot be read, and reports the fault and the recovery', async () => {
    const { input, trigger } = started();
    input.fault = 'line-gone';
    const health: unknown[] = [];
    trigger.onHealth((fault) => health.push(fault));
    await assert.rejects(trigger.level(neverAborted), { name: 'TriggerError', code: 'line-gone' });
    assert.deepEqual(health, [{ code: 'line-gone', message: 'beam: line-gone' }]);
    input.fault = null;
    assert.equal(await trigger.level(neverAborted), false);
    assert.deepEqual(health.slice(1), [null]);
  });

  it('aborts a level that hangs', async () => {
    const { input, trigger } = started();
    input.hangs = true;
    const abort = new AbortController();
    const level = trigger.level(abort.signal);
    abort.abort(new Error('too late'));
    await assert.rejects(level, /too late/);
  });

  it('removes its listener when it is closed', async () => {
    const { input, trigger } = started();
    await trigger.close();
    assert.equal(input.listeners, 0);
  });
});
