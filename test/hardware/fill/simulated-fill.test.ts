import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedFill } from '../../../device/hardware/fill/simulated-fill.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { fillContract } from '../../contract/fill-contract.js';

const compartments = ['paper', 'glass'];
const thresholds = { fullPercent: 90, clearPercent: 70 };

fillContract('simulated', () => {
  const fill = new SimulatedFill({ compartments, script: [], ...thresholds, clock: new SimulatedClock() });
  return { fill, set: async (compartment, percent) => fill.set(compartment, percent) };
});

it('simulated compartments fill up as the script says', async () => {
  const clock = new SimulatedClock(0);
  const script = [
    { afterMs: 100, compartment: 'paper', percent: 50 },
    { afterMs: 50, compartment: 'glass', percent: 95 },
    { afterMs: 1_000, compartment: 'paper', percent: 60 },
  ];
  const fill = new SimulatedFill({ compartments, script, ...thresholds, clock });
  const changes: unknown[] = [];
  fill.onChange(({ compartment, percent, full }) =>
    changes.push([clock.monotonicMs(), compartment, percent, full]),
  );
  fill.start();
  await clock.advance(500);
  await fill.close();
  assert.deepEqual(changes, [
    [100, 'paper', 50, false],
    [150, 'glass', 95, true],
  ]);
  assert.equal(clock.waiting, 0);
});
