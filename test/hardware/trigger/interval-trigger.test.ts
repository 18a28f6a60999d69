import assert from 'node:assert/strict';
import { it } from 'node:test';
import { IntervalTrigger } from '../../../device/hardware/trigger/interval-trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';

triggerContract('interval', () => {
  const clock = new SimulatedClock();
  return {
    source: new IntervalTrigger({ everyMs: 500, clock, newId }),
    passItem: () => clock.advance(500),
    nowMs: () => clock.monotonicMs(),
    hasNoSensor: true,
  };
});

/** A clock whose timers are late, each by the next value of `latenessMs`. */
class LateClock extends SimulatedClock {
  constructor(private readonly latenessMs: number[]) {
    super(0);
  }

  override after(delayMs: number, run: () => void): () => void {
    return super.after(delayMs + (this.latenessMs.shift() ?? 0), run);
  }
}

it('an interval trigger does not drift with late timers, and skips missed intervals', async () => {
  const clock = new LateClock([0, 30, 2_150, 0, 0]);
  const trigger = new IntervalTrigger({ everyMs: 1_000, clock, newId });
  const times: number[] = [];
  trigger.start(({ atMs, source }) => {
    assert.equal(source, 'interval');
    times.push(atMs);
  });
  await clock.advance(7_000);
  assert.deepEqual(times, [1_000, 2_030, 5_150, 6_000, 7_000]);
  await trigger.close();
  assert.equal(clock.waiting, 0);
});

it('an interval trigger that is closed by its own listener stays closed', async () => {
  const clock = new SimulatedClock();
  const trigger = new IntervalTrigger({ everyMs: 10, clock, newId });
  let count = 0;
  trigger.start(() => {
    count++;
    void trigger.close();
  });
  await clock.advance(100);
  assert.deepEqual([count, clock.waiting], [1, 0]);
});
