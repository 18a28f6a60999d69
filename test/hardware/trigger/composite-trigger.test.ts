import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandTrigger } from '../../../device/hardware/trigger/command-trigger.js';
import { LineTrigger } from '../../../device/hardware/trigger/line-trigger.js';
import { CompositeTrigger } from '../../../device/hardware/trigger/composite-trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';
import { FakeInput } from '../../support/fake-lines.js';

const never = new AbortController().signal;

const made = () => {
  const clock = new SimulatedClock();
  const line = (source: 'beam' | 'pir') => {
    const input = new FakeInput(clock, source);
    return { input, trigger: new LineTrigger({ input, source, minGapMs: 100, clock, newId }) };
  };
  const [beam, pir, command] = [line('beam'), line('pir'), new CommandTrigger({ clock, newId })];
  const several = new CompositeTrigger([beam.trigger, command, pir.trigger]);
  return { clock, beam: beam.input, pir: pir.input, command, several };
};

triggerContract('several', () => {
  const { clock, pir, several } = made();
  return {
    source: several,
    passItem: async (stays) => {
      await clock.advance(1_000);
      pir.set(true);
      if (!stays) pir.set(false);
    },
    nowMs: () => clock.monotonicMs(),
  };
});

describe('several triggers', () => {
  it('trigger by whichever notices something, and say which', async () => {
    const { beam, pir, command, several } = made();
    const heard: string[] = [];
    several.start(({ source }) => heard.push(source));
    pir.set(true);
    command.fire();
    beam.set(true);
    assert.deepEqual(heard, ['pir', 'command', 'beam']);
    await several.close();
    assert.deepEqual([command.fire(), beam.listeners, pir.listeners], [null, 0, 0]);
  });

  it('show what any of them shows, though another fails or hangs', async () => {
    const { beam, pir, several } = made();
    beam.fault = 'line-gone';
    pir.set(true);
    assert.equal(await several.level(never), true);
    beam.fault = null;
    beam.hangs = true;
    assert.equal(await several.level(never), true);
  });

  it('do not say that nothing is there where one cannot tell', async () => {
    const { beam, several } = made();
    beam.fault = 'line-gone';
    await assert.rejects(several.level(never), { code: 'line-gone' });
    beam.fault = null;
    assert.equal(await several.level(never), false);
  });
});
