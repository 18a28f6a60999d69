import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messages, onlyProblem, refusal } from './support.js';

const MQTT_KEYS = 'url, username, password, ca, prefix, keepaliveS, window, pubackMs, backoff, embedded';
const PARTS =
  'bin, dataDir, model, vision, lines, trigger, camera, gate, fill, panel, policy, cycle, journal, mqtt, log';
const STEP = 'a mapping with picture; or with fault; or with stale; or with garbage; or with hang';

/** One wrong file each, with the one message that it gets. */
const CASES: readonly (readonly [text: string, message: string])[] = [
  ['policy: { confidence: 1.4 }', 'policy.confidence: 1.4 is not allowed: a number from 0 to 1'],
  ['policy: { margin: high }', 'policy.margin: "high" is not allowed: a number from 0 to 1'],
  ['vision: { threads: 17 }', 'vision.threads: 17 is not allowed: a whole number from 1 to 16'],
  ['vision: { threads: 1.5 }', 'vision.threads: 1.5 is not allowed: a whole number from 1 to 16'],
  ['cycle: { moveMs: .inf }', 'cycle.moveMs: Infinity is not allowed: a whole number from 10 to 120000'],
  ['cycle: { moveMs: .nan }', 'cycle.moveMs: NaN is not allowed: a whole number from 10 to 120000'],
  ['trigger: { repeat: yes }', 'trigger.repeat: "yes" is not allowed: true or false'],
  [
    'trigger: { driver: beam }',
    'trigger.driver: "beam" is not allowed: one of "simulated", "line", "interval", "ultrasonic", "command", "several"',
  ],
  ['vision: { driver: tpu }', 'vision.driver: "tpu" is not allowed: one of "child", "simulated"'],
  ['log: { format: xml }', 'log.format: "xml" is not allowed: one of "auto", "pretty", "json"'],
  ['bin: { name: "" }', 'bin.name: "" is not allowed: a text of 1 to 100 characters'],
  ['dataDir: [a, b]', 'dataDir: a list of 2 is not allowed: a path of 1 to 4096 characters'],
  [
    'bin: { id: Kitchen 1 }',
    'bin.id: "Kitchen 1" is not allowed: a name of 1 to 63 characters: a-z, 0-9, _ or -, a letter or digit first',
  ],
  [
    'mqtt: { url: http://broker }',
    'mqtt.url: "http://broker" is not allowed: a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host',
  ],
  [
    'mqtt: { url: mqtt://broker:99999 }',
    'mqtt.url: "mqtt://broker:99999" is not allowed: a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host',
  ],
  [
    'mqtt: { prefix: "a/#" }',
    'mqtt.prefix: "a/#" is not allowed: levels of A-Z, a-z, 0-9, _ or - with / between them, at most 200 characters',
  ],
  ['mqtt:', `mqtt: null is not allowed: a mapping with ${MQTT_KEYS}`],
  ['mqtt: { ulr: x }', `mqtt.ulr: unknown key; did you mean url? known here: ${MQTT_KEYS}`],
  ['mqtt: { colour: x }', `mqtt.colour: unknown key; known here: ${MQTT_KEYS}`],
  ['Log: {}', `Log: unknown key; did you mean log? known here: ${PARTS}`],
  ['data_dir: x', `data_dir: unknown key; did you mean dataDir? known here: ${PARTS}`],
  ['"a\\nb": 1', `["a\\nb"]: unknown key; known here: ${PARTS}`],
  [
    'vision: { script: [] }',
    'vision.script: unknown key; known here: driver, runtime, threads, tflite, edgetpu, nice, cpus, startMs',
  ],
  ['vision: { driver: simulated, threads: 1 }', 'vision.threads: unknown key; known here: driver, script'],
  ['42', `the file: 42 is not allowed: a mapping with ${PARTS}`],
  ['[]', `the file: an empty list is not allowed: a mapping with ${PARTS}`],
  [
    'camera: { script: [{ hang: true }, { stale: true }, { fault: on-fire }] }',
    'camera.script[2].fault: "on-fire" is not allowed: one of "camera-no-frame", "camera-failed"',
  ],
  ['camera: { script: [{ stale: false }] }', 'camera.script[0].stale: false is not allowed: one of true'],
  ['camera: { script: [{}] }', `camera.script[0]: an empty mapping is not allowed: ${STEP}`],
  [
    'camera: { script: [{ fault: camera-failed, hang: true }] }',
    `camera.script[0]: a mapping with fault, hang is not allowed: ${STEP}`,
  ],
  [
    'camera: { script: { hang: true } }',
    `camera.script: a mapping with hang is not allowed: a list of 0 to 1000, each ${STEP}`,
  ],
  ['camera: { script: [3] }', `camera.script[0]: 3 is not allowed: ${STEP}`],
  [
    'gate: { script: [{ moveMs: -1 }] }',
    'gate.script[0].moveMs: -1 is not allowed: a whole number from 0 to 600000',
  ],
  [
    'trigger: { script: [{ after: 3 }] }',
    'trigger.script[0].after: unknown key; known here: afterMs, stillThere',
  ],
  [
    'vision: { driver: simulated, script: [{ confidence: 0.5 }] }',
    'vision.script[0].label: missing: a text of 1 to 100 characters',
  ],
  [
    'vision: { driver: simulated, script: [{ label: a, confidence: 2 }] }',
    'vision.script[0].confidence: 2 is not allowed: a number from 0 to 1',
  ],
  [
    'policy: { compartments: { Foo Bar: [a], residual: [] } }',
    'policy.compartments["Foo Bar"]: the name "Foo Bar" is not allowed: a name of 1 to 63 characters: a-z, 0-9, _ or -, a letter or digit first',
  ],
  [
    'policy: { compartments: { residual: [a, 1] } }',
    'policy.compartments.residual[1]: 1 is not allowed: a text of 1 to 100 characters',
  ],
];

describe('each wrong value or key', () => {
  for (const [text, message] of CASES) test(text, () => assert.equal(onlyProblem(text).message, message));
});

/** What fits no two keys at once. */
const CROSSED: readonly (readonly [text: string, message: string])[] = [
  [
    'policy: { compartments: { a: [x, y], residual: [y] } }',
    'policy.compartments.residual[0]: "y" is not allowed: a label in one place; it is in "a" already',
  ],
  [
    'policy: { compartments: { residual: [x] }, refuse: [y, x] }',
    'policy.refuse[1]: "x" is not allowed: a label without a compartment; it is in "residual"',
  ],
  [
    'policy: { refuse: [x, x] }',
    'policy.refuse[1]: "x" is not allowed: a label that is not in the list already',
  ],
  [
    'policy: { compartments: { a: [x], b: [y] }, fallback: c }',
    'policy.fallback: "c" is not allowed: one of the compartments "a", "b"',
  ],
  [
    'policy: { compartments: { a: [x], b: [y] } }',
    'policy.fallback: missing: one of the compartments "a", "b", since no compartment is named "residual"',
  ],
  [
    'policy: { compartments: {} }',
    'policy.compartments: an empty mapping is not allowed: at least one compartment, or null',
  ],
  ['mqtt: { backoff: { minMs: 70000 } }', 'mqtt.backoff.minMs: 70000 is not allowed: at most maxMs'],
  ['mqtt: { password: x }', 'mqtt.password: *** is not allowed: null, unless there is a username'],
  [
    'mqtt: { url: mqtt://h, ca: ca.pem }',
    'mqtt.ca: "ca.pem" is not allowed: null, unless url begins with mqtts:// or wss://',
  ],
  [
    'trigger: { driver: ultrasonic, trig: { line: A }, echo: { line: B }, nearMm: 300 }',
    'trigger.nearMm: 300 is not allowed: at most farMm, 250',
  ],
  [
    'trigger: { driver: several, sensors: { a: { driver: ultrasonic, trig: { line: A }, echo: { line: B }, farMm: 90 } } }',
    'trigger.sensors.a.nearMm: 200, the default, is not allowed: at most farMm, 90',
  ],
  [
    'fill: { driver: ultrasonic, sensors: { a: { trig: { line: A }, echo: { line: B }, fullMm: 500 } } }',
    'fill.sensors.a.fullMm: 500 is not allowed: less than emptyMm, 500: the sensor looks down',
  ],
  [
    'fill: { driver: ultrasonic, clearPercent: 90 }',
    'fill.clearPercent: 90 is not allowed: less than fullPercent, 90',
  ],
  [
    'gate: { driver: lines, compartments: { a: { output: { line: A, maxOnMs: 300 }, onMs: 301 } } }',
    'gate.compartments.a.onMs: 301 is not allowed: at most output.maxOnMs, 300',
  ],
  [
    'gate: { driver: lines, compartments: { a: { output: { line: A, maxOnMs: 300 } } } }',
    'gate.compartments.a.onMs: 400, the default, is not allowed: at most output.maxOnMs, 300',
  ],
];

/** Of a gate on a servo. */
const POINTS = 'calibration: { fromDegrees: 90, toDegrees: -90, fromUs: 600, toUs: 2400 }';
const SERVO: readonly (readonly [text: string, message: string])[] = [
  [
    'moveMs: 4000, holdMs: 1001',
    'pwm.maxOnMs: 5000, the default, is not allowed: at least 5001, since moveMs and holdMs together take so long',
  ],
  [
    'pwm: { maxOnMs: 2000 }, homeMs: 2001, home: { line: A }',
    'pwm.maxOnMs: 2000 is not allowed: at least 2001, since homeMs takes so long',
  ],
  ['pwm: { minPulseUs: 2500 }', 'pwm.minPulseUs: 2500 is not allowed: less than maxPulseUs, 2500'],
  ['pwm: { periodUs: 2000 }', 'pwm.maxPulseUs: 2500, the default, is not allowed: at most periodUs, 2000'],
  [
    'homePulseUs: 2501',
    'homePulseUs: 2501 is not allowed: a pulse from pwm.minPulseUs to pwm.maxPulseUs, 500 to 2500',
  ],
  [
    'pwm: { minPulseUs: 1600 }',
    'homePulseUs: missing: a pulse from pwm.minPulseUs to pwm.maxPulseUs, 1600 to 2500',
  ],
  [
    `homePulseUs: 1500, homeDegrees: 0, ${POINTS}`,
    'homeDegrees: 0 is not allowed: null where homePulseUs is given: leave one of the two out',
  ],
  [
    'homeDegrees: 0',
    'homeDegrees: 0 is not allowed: an angle where gate.calibration is given; give it, or a pulse instead',
  ],
  [
    'compartments: { a: { degrees: 5 } }',
    'compartments.a.degrees: 5 is not allowed: an angle where gate.calibration is given; give it, or a pulse instead',
  ],
  [
    `compartments: { a: { degrees: 90.5 } }, ${POINTS}`,
    'compartments.a.degrees: 90.5 is not allowed: an angle of the calibration, from -90 to 90',
  ],
  [
    `compartments: { a: { degrees: -70 } }, pwm: { maxPulseUs: 2100 }, ${POINTS}`,
    'compartments.a.degrees: -70 is not allowed: an angle with a pulse from pwm.minPulseUs to pwm.maxPulseUs, 500 to 2100; this one has 2200',
  ],
  [
    'compartments: { a: { pulseUs: 499 } }',
    'compartments.a.pulseUs: 499 is not allowed: a pulse from pwm.minPulseUs to pwm.maxPulseUs, 500 to 2500',
  ],
  [
    `compartments: { a: { pulseUs: 1000, degrees: 5 } }, ${POINTS}`,
    'compartments.a: a mapping with pulseUs, degrees is not allowed: a mapping with pulseUs, end; or with degrees, end',
  ],
  [
    'compartments: { a: {} }',
    'compartments.a: an empty mapping is not allowed: a mapping with pulseUs, end; or with degrees, end',
  ],
  [
    'compartments: { a: { degrees: left } }',
    'compartments.a.degrees: "left" is not allowed: a number from -360 to 360',
  ],
  [POINTS.replace('-90', '90'), 'calibration.toDegrees: 90 is not allowed: another angle than fromDegrees'],
  [POINTS.replace('2400', '600'), 'calibration.toUs: 600 is not allowed: another pulse than fromUs'],
  [
    'calibration: { fromDegrees: 0, toDegrees: 9, fromUs: 900 }',
    'calibration.toUs: missing: a whole number from 100 to 10000',
  ],
];

describe('each contradiction of a gate on a servo', () => {
  for (const [text, message] of SERVO)
    test(text, () =>
      assert.equal(onlyProblem(`gate: { driver: servo, ${text} }`).message, `gate.${message}`),
    );

  test('all of a file are named together', () => {
    const text = `gate:
  driver: servo
  homeDegrees: 5
  moveMs: 60000
  compartments:
    a: { pulseUs: 100 }
`;
    assert.deepEqual(
      refusal(text).problems.map(({ path, line }) => [path, line]),
      [
        ['gate.pwm.maxOnMs', 1],
        ['gate.homeDegrees', 3],
        ['gate.compartments.a.pulseUs', 6],
      ],
    );
  });
});

describe('each contradiction', () => {
  for (const [text, message] of CROSSED) test(text, () => assert.equal(onlyProblem(text).message, message));
});

test('all problems are named, in the order of their lines, each with its line', () => {
  const error = refusal(`policy:
  confidence: 1.4
mqtt:
  # the broker
  ulr: mqtt://broker
  window: 0
bin:
  id: kitchen
camera:
  script:
    - picture: a.jpg
    - hang: true
    - fault: x
trigger: { driver: beam }
`);
  assert.equal(error.code, 'config-invalid');
  assert.deepEqual(
    error.problems.map(({ path, line, value }) => [path, line, value]),
    [
      ['policy.confidence', 2, '1.4'],
      ['mqtt.ulr', 5, null],
      ['mqtt.window', 6, '0'],
      ['camera.script[2].fault', 13, '"x"'],
      ['trigger.driver', 14, '"beam"'],
    ],
  );
  assert.equal(
    error.message.split('\n')[0],
    'sortbin.yaml:2: policy.confidence: 1.4 is not allowed: a number from 0 to 1',
  );
  assert.equal(error.message.split('\n').length, 5);
});

test('what is missing is told at the line of what it is missing from', () => {
  const text = 'policy:\n  compartments:\n    a: [x]\n';
  assert.deepEqual([onlyProblem(text).path, onlyProblem(text).line], ['policy.fallback', 1]);
});

test('a long value, and one of several lines, stay one bounded line', () => {
  const [message = ''] = messages(`log: { level: "${'x'.repeat(5_000)}\\nsecond" }`);
  assert.ok(message.length < 250, message);
  assert.ok(!message.includes('\n'));
});
