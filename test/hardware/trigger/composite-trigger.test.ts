import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandTrigger } from '../../../device/hardware/trigger/command-trigger.js';
import { CompositeTrigger } from '../../../device/hardware/trigger/composite-trigger.js';
import { LineTrigger } from '../../../device/hardware/trigger/line-trigger.js';
import type { TriggerSource } from '../../../device/hardware/trigger/trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';
import { FakeInput } from '../../support/hardware/fake-lines.js';

const neverAborted = new AbortController().signal;

const setUp = () => {
  const clock = new SimulatedClock();
  const line = (source: 'beam' | 'pir') => {
    const input = new FakeInput(clock, source);
    return { input, trigger: new LineTrigger({ input, source, minGapMs: 100, clock, newId }) };
  };
  const [beam, pir, command] = [line('beam'), line('pir'), new CommandTrigger({ clock, newId })];
  const composite = new CompositeTrigger(
    new Map<string, TriggerSource>([
      ['sensor-beam', beam.trigger],
      ['sensor-command', command],
      ['sensor-pir', pir.trigger],
    ]),
  );
  const health: (string | null)[] = [];
  composite.onHealth((fault) => health.push(fault && `${fault.code} ${fault.detail}`));
  return { clock, beam: beam.input, pir: pir.input, command, composite, health };
};

triggerContract('composite', () => {
  const { clock, pir, composite } = setUp();
  return {
    source: composite,
    passItem: async (stays) => {
      await clock.advance(1_000);
      pir.set(true);
      if (!stays) pir.set(false);
    },
    nowMs: () => clock.monotonicMs(),
  };
});

describe('a composite trigger', () => {
  it('triggers for each of its sources, and names the source', async () => {
    const { beam, pir, command, composite } = setUp();
    const sources: string[] = [];
    composite.start(({ source }) => sources.push(source));
    pir.set(true);
    command.fire();
    beam.set(true);
    assert.deepEqual(sources, ['pir', 'command', 'beam']);
    await composite.close();
    assert.deepEqual([command.fire(), beam.listeners, pir.listeners], [null, 0, 0]);
  });

  it('detects an item of any source, even if another source fails or hangs', async () => {
    const { beam, pir, composite } = setUp();
    beam.fault = 'line-gone';
    pir.set(true);
    assert.equal(await composite.level(neverAborted), true);
    beam.fault = null;
    beam.hangs = true;
    assert.equal(await composite.level(neverAborted), true);
  });

  it('does not report an absent item if a source cannot be read', async () => {
    const { beam, composite } = setUp();
    beam.fault = 'line-gone';
    await assert.rejects(composite.level(neverAborted), {
      code: 'line-gone',
      fault: { code: 'line-gone', message: 'beam: line-gone', detail: 'sensor-beam' },
    });
    beam.fault = null;
    assert.equal(await composite.level(neverAborted), false);
  });

  it('reports one faulty source at a time, and the next one when the first has recovered', async () => {
    const { beam, pir, composite, health } = setUp();
    const readLevel = () => composite.level(neverAborted).catch(() => false);
    beam.fault = 'line-gone';
    await readLevel();
    pir.fault = 'line-denied';
    await readLevel();
    assert.deepEqual(health, ['line-gone sensor-beam']);
    beam.fault = null;
    await readLevel();
    assert.deepEqual(health, ['line-gone sensor-beam', 'line-denied sensor-pir']);
    const late: (string | undefined)[] = [];
    composite.onHealth((fault) => late.push(fault?.detail));
    assert.deepEqual(late, ['sensor-pir']);
    pir.fault = null;
    await readLevel();
    assert.deepEqual(health.slice(2), [null]);
    assert.deepEqual(late, ['sensor-pir', undefined]);
  });
});
