import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LinuxMachine } from '../../../device/hardware/machine/linux-machine.js';

const MEMINFO = 'MemTotal:         948280 kB\nMemFree:          100000 kB\nMemAvailable:     512000 kB\n';

/** Returns the readings of a machine whose /sys and /proc have these files. */
const readingsOf = (t: TestContext, files: Readonly<Record<string, string>>) => {
  const root = mkdtempSync(join(tmpdir(), 'machine-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return new LinuxMachine({ root, dataDir: root }).read();
};

describe('the sensors of a Linux machine', () => {
  it('are those of a Raspberry Pi', async (t) => {
    const readings = await readingsOf(t, {
      'sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
      'sys/class/thermal/thermal_zone0/temp': '61834',
      'sys/devices/platform/soc/soc:firmware/get_throttled': '50005',
      'proc/meminfo': MEMINFO,
    });
    assert.equal(readings.temperatureC, 61.834);
    assert.equal(readings.isUnderVoltage, true);
    assert.equal(readings.isThrottled, true);
    assert.deepEqual(readings.memory, { freeBytes: 512_000 * 1024, totalBytes: 948_280 * 1024 });
  });

  it('do not report what has ended since the start of a Raspberry Pi', async (t) => {
    const path = 'sys/devices/platform/soc/soc:firmware/get_throttled';
    const { isUnderVoltage, isThrottled } = await readingsOf(t, { [path]: 'd0000' });
    assert.deepEqual({ isUnderVoltage, isThrottled }, { isUnderVoltage: false, isThrottled: false });
  });

  it('include the voltage alarm of the mainline kernel', async (t) => {
    const alarm = (value: string) =>
      readingsOf(t, {
        'sys/class/hwmon/hwmon0/name': 'nvme',
        'sys/class/hwmon/hwmon1/name': 'rpi_volt',
        'sys/class/hwmon/hwmon1/in0_lcrit_alarm': value,
      });
    assert.equal((await alarm('1')).isUnderVoltage, true);
    assert.equal((await alarm('0')).isUnderVoltage, false);
  });

  it('prefer the zone of the processor to that of the board', async (t) => {
    const { temperatureC } = await readingsOf(t, {
      'sys/class/thermal/thermal_zone0/type': 'acpitz',
      'sys/class/thermal/thermal_zone0/temp': '27800',
      'sys/class/thermal/thermal_zone1/type': 'iwlwifi_1',
      'sys/class/thermal/thermal_zone1/temp': '90000',
      'sys/class/thermal/thermal_zone2/type': 'x86_pkg_temp',
      'sys/class/thermal/thermal_zone2/temp': '55000',
    });
    assert.equal(temperatureC, 55);
  });

  it('are null if there are none, or if they give no number', async (t) => {
    const { disk, ...others } = await readingsOf(t, {
      'sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
      'sys/class/thermal/thermal_zone0/temp': 'busy',
      'sys/devices/platform/soc/soc:firmware/get_throttled': '',
      'proc/meminfo': 'MemTotal: unknown',
    });
    const none = { temperatureC: null, isUnderVoltage: null, isThrottled: null, memory: null };
    assert.deepEqual(others, none);
    assert.equal(disk?.totalBytes, statfsSync(tmpdir()).blocks * statfsSync(tmpdir()).bsize);
    const gone = await new LinuxMachine({ root: '/no-such-root', dataDir: '/no-such-root' }).read();
    assert.deepEqual(gone, { ...none, disk: null });
  });
});
