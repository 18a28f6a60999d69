import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { parseConfig } from '../../device/config/load.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { wireHardware } from '../../device/wire/hardware.js';
import { onlyProblem } from '../config/support.js';

const neverAborted = new AbortController().signal;

/** Each key whose name becomes part of a line name, with the maximum length of the name and the line name. */
const KEYS: readonly (readonly [yaml: (name: string) => string, longest: number, line: string])[] = [
  [
    (name) =>
      `gate: { driver: lines, passive: [residual], compartments: { ${name}: { output: { line: A } } } }`,
    26,
    'gate-NAME',
  ],
  [
    (name) =>
      `gate: { driver: lines, passive: [residual], compartments: { ${name}: { output: { line: A }, end: { line: B } } } }`,
    22,
    'gate-NAME.end',
  ],
  [
    (name) =>
      `gate: { driver: servo, passive: [residual], compartments: { ${name}: { pulseUs: 900, end: { line: B } } } }`,
    22,
    'gate-NAME.end',
  ],
  [
    (name) => `trigger: { driver: several, sensors: { ${name}: { driver: line, input: { line: A } } } }`,
    24,
    'sensor-NAME',
  ],
  [
    (name) =>
      `trigger: { driver: several, sensors: { ${name}: { driver: ultrasonic, trig: { line: A }, echo: { line: B } } } }`,
    19,
    'sensor-NAME-trig',
  ],
  [
    (name) => `fill: { driver: ultrasonic, sensors: { ${name}: { trig: { line: A }, echo: { line: B } } } }`,
    21,
    'fill-NAME-trig',
  ],
  [(name) => `fill: { driver: ultrasonic, emptied: { ${name}: { line: A } } }`, 23, 'emptied-NAME'],
  [(name) => `panel: { outputs: { ${name}: { line: A } } }`, 26, 'sign-NAME'],
];

/** Requests every line of a configuration, as the daemon does at its start. */
const requestAll = async (text: string) => {
  const config = parseConfig(`lines: { driver: simulated }\n${text}`, 'sortbin.yaml');
  const clock = new SimulatedClock();
  const log = pino({ level: 'silent' });
  const { gate, lines } = await wireHardware({ config, folder: '.', dataDir: '.', clock, log }, neverAborted);
  const home = gate.home(neverAborted);
  await clock.advance(10_000);
  const answer = await home;
  await lines?.close();
  return answer.ok ? 'ok' : answer.fault.message;
};

describe('a name that becomes part of a line name', () => {
  for (const [yaml, longest, line] of KEYS) {
    const name = 'x'.repeat(longest);
    it(`can have ${longest} characters for the line ${line}: ${yaml('NAME')}`, async () => {
      assert.equal(await requestAll(yaml(name)), 'ok');
    });

    it('is refused with one more character', () => {
      const { message, value } = onlyProblem(yaml(`${name}x`));
      assert.equal(value, `${name}x`);
      assert.match(
        message,
        new RegExp(
          `\\.${name}x: the name ${name}x is not allowed\\. Use a name of at most ${longest} characters, because .*"${line}"\\.$`,
        ),
      );
    });
  }

  it('may be longer if it is not part of a line name', async () => {
    const name = 'x'.repeat(63);
    const gate = `gate: { driver: servo, compartments: { ${name}: { pulseUs: 900 } }, passive: [residual] }`;
    assert.equal(await requestAll(gate), 'ok');
    const sensors = `trigger: { driver: several, sensors: { ${name}: { driver: interval } } }`;
    assert.equal(await requestAll(sensors), 'ok');
  });
});
