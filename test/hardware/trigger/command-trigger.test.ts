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

it('a command trigger returns each trigger, or null before the start and after the close', async () => {
  const source = new CommandTrigger({ clock: new SimulatedClock(), newId });
  const received: Trigger[] = [];
  assert.equal(source.fire(), null);
  source.start((trigger) => received.push(trigger));
  const returned = [source.fire(), source.fire('http')];
  assert.deepEqual(returned, received);
  assert.deepEqual(
    received.map((trigger) => trigger.source),
    ['command', 'http'],
  );
  await source.close();
  assert.equal(source.fire(), null);
});
