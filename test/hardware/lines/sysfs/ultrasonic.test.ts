import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { it } from 'node:test';
import { pino } from 'pino';
import { parseConfig } from '../../../../device/config/load.js';
import { SimulatedClock } from '../../../../device/kit/simulated-clock.js';
import { wireHardware } from '../../../../device/wire/hardware.js';

const PINS = 'trig: { chip: bank, offset: 25 }, echo: { chip: bank, offset: 24 }';
const SENSOR = `driver: ultrasonic, ${PINS}`;

const CONFIGURATIONS = [
  ['sensor', `trigger: { ${SENSOR}, nearMm: 200, farMm: 300 }`],
  [
    'sensor-front',
    `trigger: { driver: several, sensors: { front: { ${SENSOR}, nearMm: 200, farMm: 300 } } }`,
  ],
  ['fill-paper', `fill: { driver: ultrasonic, sensors: { paper: { ${PINS}, emptyMm: 600, fullMm: 100 } } }`],
] as const;

for (const [name, yaml] of CONFIGURATIONS)
  it(`refuses an ultrasonic sensor over sysfs: ${name}`, async () => {
    const config = parseConfig(`lines: { driver: onoff }\n${yaml}\n`, 'sortbin.yaml');
    const context = {
      config,
      folder: tmpdir(),
      dataDir: tmpdir(),
      clock: new SimulatedClock(),
      log: pino({ level: 'silent' }),
    };
    await assert.rejects(wireHardware(context, new AbortController().signal), {
      name: 'SortbinError',
      code: 'line-unsupported',
      message: new RegExp(`^"${name}": .*onoff.*no timestamps of the kernel.*lines\\.driver: sortbin-io`),
    });
  });
