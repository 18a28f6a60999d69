import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedTrigger } from '../../../device/hardware/trigger/simulated-trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';

triggerContract('simulated', () => {
  const clock = new SimulatedClock();
  const source = new SimulatedTrigger({ script: [], repeat: false, clock, newId });
  return {
    source,
    passItem: async (stays) => {
      source.fire('simulated', stays ? 1 : 0);
    },
    nowMs: () => clock.monotonicMs(),
  };
});

const times = async (repeat: boolean): Promise<number[]> => {
  const clock = new SimulatedClock(0);
  const source = new SimulatedTrigger({ script: [{ afterMs: 100 }, { afterMs: 30 }], repeat, clock, newId });
  const triggered: number[] = [];
  source.start(({ atMs }) => triggered.push(atMs));
  await clock.advance(300);
  await source.close();
  assert.equal(clock.waiting, 0);
  return triggered;
};

describe('a simulated trigger with a script', () => {
  it('triggers at the times of the script, once or repeatedly', async () => {
    assert.deepEqual(await times(false), [100, 130]);
    assert.deepEqual(await times(true), [100, 130, 230, 260]);
  });
});
