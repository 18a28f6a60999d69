import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedLines } from '../../../device/hardware/lines/simulated-lines.js';
import { LineTrigger } from '../../../device/hardware/trigger/line-trigger.js';
import type { Trigger } from '../../../device/hardware/trigger/trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';
import { FakeInput, unwrap } from '../../support/fake-lines.js';

const never = new AbortController().signal;

const started = () => {
  const clock = new SimulatedClock(0);
  const input = new FakeInput(clock, 'beam');
  const faults: (string | null)[] = [];
  const trigger = new LineTrigger({
    input,
    source: 'beam',
    minGapMs: 200,
    clock,
    newId,
    onFault: (fault) => faults.push(fault?.code ?? null),
  });
  const heard: Trigger[] = [];
  trigger.start((one) => heard.push(one));
  const blink = async (activeMs: number, thenMs: number) => {
    input.set(true);
    await clock.advance(activeMs);
    input.set(false);
    await clock.advance(thenMs);
  };
  return { clock, input, faults, trigger, heard, blink, times: () => heard.map(({ atMs }) => atMs) };
};

triggerContract('a line', () => {
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

triggerContract('a line of simulated lines', async () => {
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

it('a trigger by a line notices what came while its chip was unplugged', async () => {
  const { clock, lines, source } = await onLines();
  const heard: Trigger[] = [];
  source.start((one) => heard.push(one));
  lines.unplug('beam');
  await assert.rejects(source.level(never), { code: 'line-gone' });
  lines.set('beam', true);
  await clock.advance(100);
  lines.plug('beam');
  assert.equal(await source.level(never), true);
  assert.equal(heard.length, 1);
});

describe('a trigger by a line', () => {
  it('bears its source and the time of the edge, not that at which the edge was told', async () => {
    const { clock, input, heard } = started();
    await clock.advance(1_000);
    input.set(true, 0, 991_500_000n);
    const [one] = heard;
    assert.deepEqual([one?.source, one?.atMs], ['beam', 991.5]);
    assert.equal((one?.wallMs ?? 0) - Math.round(clock.wallMs() - 8.5), 0);
  });

  it('is never ahead of the clock: a frame could not be newer', () => {
    const { input, times } = started();
    input.set(true, 0, 5_000_000_000n);
    assert.deepEqual(times(), [0]);
  });

  it('takes what trembles for one passage, and what comes after a quiet gap for the next', async () => {
    const { blink, times } = started();
    for (let tremble = 0; tremble < 5; tremble++) await blink(40, 60);
    await blink(500, 199);
    await blink(10, 200);
    await blink(10, 0);
    assert.deepEqual(times(), [0, 500 + 699 + 210]);
  });

  it('speaks now and then where the line flickers for ever', async () => {
    const { blink, times } = started();
    for (let tremble = 0; tremble < 100; tremble++) await blink(30, 20);
    assert.deepEqual(times(), [0, 2_000, 4_000]);
  });

  it('notices an item whose first edge was lost', async () => {
    const { clock, input, times } = started();
    await clock.advance(100);
    input.set(false, 1);
    assert.deepEqual(times(), [100]);
  });

  it('notices a passage that was over before the kernel looked, and told it as two ends', async () => {
    const { clock, input, blink, heard } = started();
    await blink(30, 1_000);
    assert.equal(heard.length, 1);
    input.emit(false);
    input.emit(false);
    assert.equal(heard.length, 2);
    await clock.advance(1_000);
    input.emit(false);
    assert.equal(heard.length, 3);
  });

  it('says nothing about the end of what was there before the start', async () => {
    const clock = new SimulatedClock();
    const input = new FakeInput(clock);
    input.set(true);
    const heard: Trigger[] = [];
    new LineTrigger({ input, source: 'switch', minGapMs: 0, clock, newId }).start((one) => heard.push(one));
    input.set(false);
    assert.equal(heard.length, 0);
  });

  it('rejects a level that its line cannot tell, with the fault of the line, and tells when it can again', async () => {
    const { input, trigger, faults } = started();
    input.fault = 'line-gone';
    await assert.rejects(trigger.level(never), { name: 'TriggerError', code: 'line-gone' });
    input.fault = null;
    assert.equal(await trigger.level(never), false);
    assert.deepEqual(faults, ['line-gone', null]);
  });

  it('gives up a level that hangs when its signal is aborted', async () => {
    const { input, trigger } = started();
    input.hangs = true;
    const abort = new AbortController();
    const level = trigger.level(abort.signal);
    abort.abort(new Error('too late'));
    await assert.rejects(level, /too late/);
  });

  it('leaves no listener behind', async () => {
    const { input, trigger } = started();
    await trigger.close();
    assert.equal(input.listeners, 0);
  });
});
