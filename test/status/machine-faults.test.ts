import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineReadings } from '../../device/hardware/machine/machine.js';
import { explainFault } from '../../device/status/faults/faults.js';
import { type MachineFaults, machineFaults, NO_MACHINE_FAULTS } from '../../device/status/machine-faults.js';

const GOOD: MachineReadings = {
  temperatureC: 50,
  isUnderVoltage: false,
  isThrottled: false,
  memory: { freeBytes: 200e6, totalBytes: 500e6 },
  disk: { freeBytes: 8e9, totalBytes: 16e9 },
};
const TIME = { wallMs: Date.UTC(2027, 0), builtAtMs: Date.UTC(2026, 10) };

const judge = (readings: Partial<MachineReadings>, before = NO_MACHINE_FAULTS, time = TIME): MachineFaults =>
  machineFaults({ ...GOOD, ...readings }, time, before);

const codesOf = (faults: MachineFaults): string[] =>
  Object.values(faults).flatMap((fault) => fault?.code ?? []);

describe('the faults of a machine', () => {
  it('are none on a machine that works, and on one without sensors', () => {
    assert.deepEqual(codesOf(judge({})), []);
    const none = { temperatureC: null, isUnderVoltage: null, isThrottled: null, memory: null, disk: null };
    assert.deepEqual(codesOf(judge(none)), []);
  });

  it('have a code in the table of faults each', () => {
    const bad = judge(
      {
        temperatureC: 85,
        isUnderVoltage: true,
        isThrottled: true,
        memory: { freeBytes: 20e6, totalBytes: 500e6 },
        disk: { freeBytes: 100e6, totalBytes: 16e9 },
      },
      NO_MACHINE_FAULTS,
      { ...TIME, wallMs: 0 },
    );
    const codes = codesOf(bad);
    assert.equal(codes.length, Object.keys(NO_MACHINE_FAULTS).length);
    for (const code of codes) assert.ok(explainFault(code), code);
    assert.equal(bad.clock?.message, 'The clock shows 1970-01-01.');
    assert.equal(bad.disk?.message, '100 MB of 16000 MB are free.');
  });

  it('last until the value is well below the limit, with the first message', () => {
    const hot = judge({ temperatureC: 81 });
    assert.equal(hot.temperature?.message, 'The processor has 81 °C.');
    const stillHot = judge({ temperatureC: 78 }, hot);
    assert.equal(stillHot.temperature, hot.temperature);
    assert.equal(judge({ temperatureC: 74 }, stillHot).temperature, null);
    assert.equal(judge({ temperatureC: 78 }).temperature, null);
    const full = judge({ disk: { freeBytes: 190e6, totalBytes: 16e9 } });
    assert.ok(judge({ disk: { freeBytes: 240e6, totalBytes: 16e9 } }, full).disk);
    assert.equal(judge({ disk: { freeBytes: 260e6, totalBytes: 16e9 } }, full).disk, null);
  });

  it('do not include a small disk that has room', () => {
    assert.equal(judge({ disk: { freeBytes: 60e6, totalBytes: 1e9 } }).disk, null);
    assert.ok(judge({ disk: { freeBytes: 40e6, totalBytes: 1e9 } }).disk);
  });
});
