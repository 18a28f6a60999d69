import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { MachineMonitor } from '../../device/daemon/machine-monitor.js';
import type { MachineReadings } from '../../device/hardware/machine/machine.js';
import type { Fault } from '../../device/kit/errors.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';

const GOOD: MachineReadings = {
  temperatureC: 50,
  isUnderVoltage: null,
  isThrottled: null,
  memory: null,
  disk: null,
};

/** Starts a monitor whose sensors give these readings, one after the other. */
const start = async (t: TestContext, readings: readonly MachineReadings[]) => {
  const clock = new SimulatedClock();
  const faults: [string, Fault | null][] = [];
  let reads = 0;
  const monitor = new MachineMonitor({
    sensors: { read: async () => readings[Math.min(reads++, readings.length - 1)] ?? GOOD },
    builtAtMs: 0,
    clock,
    onFault: (part, fault) => faults.push([part, fault]),
  });
  t.after(() => monitor.stop());
  await monitor.start();
  await clock.advance(0);
  return { clock, monitor, faults, readCount: () => reads };
};

describe('the monitor of the machine', () => {
  it('reads at once and then every 10 s, and reports only changes', async (t) => {
    const hot = { ...GOOD, temperatureC: 90 };
    const { clock, monitor, faults, readCount } = await start(t, [GOOD, hot, hot, GOOD]);
    assert.deepEqual(monitor.readings, GOOD);
    assert.equal(faults.length, 0);
    await clock.advance(10_000);
    assert.deepEqual(monitor.readings, hot);
    assert.deepEqual(
      faults.map(([part, fault]) => [part, fault?.code]),
      [['temperature', 'machine-hot']],
    );
    await clock.advance(10_000);
    assert.equal(faults.length, 1);
    await clock.advance(10_000);
    assert.deepEqual(faults.at(-1), ['temperature', null]);
    assert.equal(readCount(), 4);
  });

  it('reads no more after its stop', async (t) => {
    const { clock, monitor, readCount } = await start(t, [GOOD]);
    await monitor.stop();
    await clock.advance(60_000);
    assert.equal(readCount(), 1);
  });
});
