import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CommandTrigger } from '../../../device/hardware/trigger/command-trigger.js';
import type { Trigger } from '../../../device/hardware/trigger/trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';

triggerContract('command', () => {
  const clock = new SimulatedClock();
  const source = new CommandTrigger({ clock, newId });
  return {
    source,
    passItem: async () => {
      source.fire();
    },
    nowMs: () => clock.monotonicMs(),
    hasNoSensor: true,
  };
});

it('a command is answered with the trigger that it made, or with null where nobody watches', async () => {
  const source = new CommandTrigger({ clock: new SimulatedClock(), newId });
  const heard: Trigger[] = [];
  assert.equal(source.fire(), null);
  source.start((trigger) => heard.push(trigger));
  const made = [source.fire(), source.fire('http')];
  assert.deepEqual(made, heard);
  assert.deepEqual(
    heard.map((trigger) => trigger.source),
    ['command', 'http'],
  );
  await source.close();
  assert.equal(source.fire(), null);
});
