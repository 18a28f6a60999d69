import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messages, onlyProblem, refusal } from './support.js';

const MQTT_KEYS =
  'url, username, password, passwordFile, ca, cert, key, proveRights, prefix, keepaliveS, window, pubackMs, commands, image, homeAssistant, backoff, embedded';
const PARTS =
  'bin, dataDir, model, vision, lines, trigger, camera, gate, fill, panel, policy, cycle, journal, mqtt, http, update, log';
const STEP = 'a mapping of the form {picture} or {fault} or {stale} or {garbage} or {hang}';

/** Files with one wrong value or key, and the message for it. */
const CASES: readonly (readonly [text: string, message: string])[] = [
  ['policy: { confidence: 1.4 }', 'policy.confidence: 1.4 is not allowed. Use a number from 0 to 1.'],
  ['policy: { margin: high }', 'policy.margin: "high" is not allowed. Use a number from 0 to 1.'],
  ['vision: { threads: 17 }', 'vision.threads: 17 is not allowed. Use a whole number from 1 to 16.'],
  ['vision: { threads: 1.5 }', 'vision.threads: 1.5 is not allowed. Use a whole number from 1 to 16.'],
  ['cycle: { moveMs: .inf }', 'cycle.moveMs: Infinity is not allowed. Use a whole number from 10 to 120000.'],
  ['cycle: { moveMs: .nan }', 'cycle.moveMs: NaN is not allowed. Use a whole number from 10 to 120000.'],
  ['trigger: { repeat: yes }', 'trigger.repeat: "yes" is not allowed. Use true or false.'],
  [
    'trigger: { driver: beam }',
    'trigger.driver: "beam" is not allowed. Use one of "simulated", "line", "interval", "ultrasonic", "command", "several".',
  ],
  [
    'vision: { edgetpu: { device: gpu } }',
    'vision.edgetpu.device: "gpu" is not allowed. Use auto, usb, pci, an index such as usb:0, pci:0 or :0, or a path such as /dev/apex_0.',
  ],
  [
    'vision: { cpus: [] }',
    'vision.cpus: an empty list is not allowed. Use a list of 1 or more entries, each a whole number from 0 to 1023.',
  ],
  ['vision: { driver: tpu }', 'vision.driver: "tpu" is not allowed. Use one of "child", "simulated".'],
  ['log: { format: xml }', 'log.format: "xml" is not allowed. Use one of "auto", "pretty", "json".'],
  [
    'fill: { driver: ultrasonic, smoothing: 0 }',
    'fill.smoothing: 0 is not allowed. Use a number above 0, up to 1.',
  ],
  ['bin: { name: "" }', 'bin.name: "" is not allowed. Use a string of 1 to 100 characters.'],
  ['dataDir: [a, b]', 'dataDir: a list of 2 entries is not allowed. Use a path of 1 to 4096 characters.'],
  [
    'bin: { id: Kitchen 1 }',
    'bin.id: "Kitchen 1" is not allowed. Use a name of 1 to 63 characters from a-z, 0-9, _ and -, with a letter or digit first.',
  ],
  [
    'mqtt: { url: http://broker }',
    'mqtt.url: "http://broker" is not allowed. Use a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host.',
  ],
  [
    'mqtt: { url: mqtt://broker:99999 }',
    'mqtt.url: "mqtt://broker:99999" is not allowed. Use a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host.',
  ],
  [
    'mqtt: { prefix: "a/#" }',
    'mqtt.prefix: "a/#" is not allowed. Use levels of A-Z, a-z, 0-9, _ or - with / between them, at most 200 characters.',
  ],
  ['mqtt: 5', `mqtt: 5 is not allowed. Use a mapping with the keys ${MQTT_KEYS}.`],
  ['mqtt: { ulr: x }', `mqtt.ulr: unknown key. Did you mean url? Allowed keys: ${MQTT_KEYS}.`],
  ['mqtt: { colour: x }', `mqtt.colour: unknown key. Allowed keys: ${MQTT_KEYS}.`],
  ['Log: {}', `Log: unknown key. Did you mean log? Allowed keys: ${PARTS}.`],
  ['data_dir: x', `data_dir: unknown key. Did you mean dataDir? Allowed keys: ${PARTS}.`],
  ['"a\\nb": 1', `["a\\nb"]: unknown key. Allowed keys: ${PARTS}.`],
  [
    'vision: { script: [] }',
    'vision.script: unknown key. It belongs to the driver simulated. Delete it, or change vision.driver.',
  ],
  [
    'vision: { driver: simulated, threads: 1 }',
    'vision.threads: unknown key. It belongs to the driver child. Delete it, or change vision.driver.',
  ],
  [
    'camera: { driver: rpicam, folder: null }',
    'camera.folder: unknown key. It belongs to the driver simulated. Delete it, or change camera.driver.',
  ],
  [
    'camera: { quality: 90 }',
    'camera.quality: unknown key. It belongs to the driver rpicam. Delete it, or change camera.driver.',
  ],
  [
    'camera: { driver: v4l2, rotation: 180 }',
    'camera.rotation: unknown key. It belongs to the driver rpicam or node-libcamera. Delete it, or change camera.driver.',
  ],
  [
    'trigger: { driver: several, sensors: { a: { driver: line, input: { line: A }, nearMm: 3 } } }',
    'trigger.sensors.a.nearMm: unknown key. It belongs to the driver ultrasonic. Delete it, or change trigger.sensors.a.driver.',
  ],
  ['42', `the file: 42 is not allowed. Use a mapping with the keys ${PARTS}.`],
  ['[]', `the file: an empty list is not allowed. Use a mapping with the keys ${PARTS}.`],
  [
    'camera: { script: [{ hang: true }, { stale: true }, { fault: on-fire }] }',
    'camera.script[2].fault: "on-fire" is not allowed. Use one of "camera-missing", "camera-denied", "camera-busy", "camera-unsupported", "camera-no-frame", "camera-frozen", "camera-failed".',
  ],
  ['camera: { script: [{ stale: false }] }', 'camera.script[0].stale: false is not allowed. Use true.'],
  ['camera: { script: [{}] }', `camera.script[0]: an empty mapping is not allowed. Use ${STEP}.`],
  [
    'camera: { script: [{ fault: camera-failed, hang: true }] }',
    `camera.script[0]: a mapping with fault, hang is not allowed. Use ${STEP}.`,
  ],
  [
    'camera: { script: { hang: true } }',
    `camera.script: a mapping with hang is not allowed. Use a list of 0 to 1000 entries, each ${STEP}.`,
  ],
  [
    'camera: { driver: rpicam, identicalFrames: 1 }',
    'camera.identicalFrames: 1 is not allowed. Use 0 or a value from 2 to 100.',
  ],
  [
    'camera: { driver: rpicam, framesPerSecond: 1, freezeMs: 1500, startMs: 20000 }',
    'camera.freezeMs: 1500 is not allowed. Use a value from 2000, the time of two frames at framesPerSecond.',
  ],
  [
    'camera: { driver: rpicam, framesPerSecond: 1, freezeMs: 3000 }\ncycle: { captureMs: 5000 }',
    'camera.startMs: the default 10000 is not allowed. Use a value above 11000, the time of dropFrames and one more frame at framesPerSecond.',
  ],
  [
    'camera: { driver: rpicam, latencyMs: 10000 }',
    'cycle.captureMs: the default 3000 is not allowed. Use a value from 10134, which is camera.latencyMs and the time of two frames.',
  ],
  [
    'camera: { driver: rpicam, lockAfterMs: 3000 }\npanel: { light: { output: { line: GPIO22 } } }',
    'camera.lockAfterMs: 3000 is not allowed with panel.light, because the light is off while the camera adjusts itself. Set exposure, whiteBalance and focus instead.',
  ],
  [
    'camera: { driver: rpicam, crop: { x: 0.5, y: 0, width: 0.6, height: 1 } }',
    'camera.crop.width: 0.6 is not allowed. Use a value up to 1 - x.',
  ],
  [
    'camera: { driver: rpicam, exposure: { shutterUs: 66667, gain: 1 } }',
    'camera.exposure.shutterUs: 66667 is not allowed. Use a value up to 66666, the time of one frame at framesPerSecond.',
  ],
  ['camera: { driver: rpicam, rotation: 90 }', 'camera.rotation: 90 is not allowed. Use one of 0, 180.'],
  [
    'camera: { driver: rpicam, exposure: manual }',
    'camera.exposure: "manual" is not allowed. Use "auto", or a mapping with the keys shutterUs, gain.',
  ],
  [
    'camera: { driver: v4l2, device: 0 }',
    'camera.device: 0 is not allowed. Use an absolute path, or a number in quotation marks.',
  ],
  [
    'camera: { driver: v4l2, freezeMs: 100 }',
    'camera.freezeMs: 100 is not allowed. Use a value from 134, the time of two frames at framesPerSecond.',
  ],
  [
    'camera: { driver: v4l2, controls: { Gain: 3 } }',
    'camera.controls.Gain: the name Gain is not allowed. Use a control name of a-z, 0-9 and _.',
  ],
  [
    'camera: { driver: v4l2, controls: { gain: low } }',
    'camera.controls.gain: "low" is not allowed. Use a whole number from -2147483648 to 2147483647.',
  ],
  [
    'camera: { driver: node-libcamera, identicalFrames: 1 }\ncycle: { captureMs: 20000 }',
    'camera.identicalFrames: 1 is not allowed. Use 0 or a value from 2 to 100.',
  ],
  ['camera: { script: [3] }', `camera.script[0]: 3 is not allowed. Use ${STEP}.`],
  [
    'gate: { script: [{ moveMs: -1 }] }',
    'gate.script[0].moveMs: -1 is not allowed. Use a whole number from 0 to 600000.',
  ],
  [
    'trigger: { script: [{ after: 3 }] }',
    'trigger.script[0].after: unknown key. Allowed keys: afterMs, stillThere.',
  ],
  [
    'vision: { driver: simulated, script: [{ confidence: 0.5 }] }',
    'vision.script[0].label: this key is required. Set a string of 1 to 100 characters.',
  ],
  [
    'vision: { driver: simulated, script: [{ label: a, confidence: 2 }] }',
    'vision.script[0].confidence: 2 is not allowed. Use a number from 0 to 1.',
  ],
  [
    'policy: { compartments: { Foo Bar: [a], residual: [] } }',
    'policy.compartments["Foo Bar"]: the name "Foo Bar" is not allowed. Use a name of 1 to 63 characters from a-z, 0-9, _ and -, with a letter or digit first.',
  ],
  [
    'policy: { compartments: { residual: [a, 1] } }',
    'policy.compartments.residual[1]: 1 is not allowed. Use a string of 1 to 100 characters, in quotes.',
  ],
];

describe('explains a wrong value or key', () => {
  for (const [text, meant] of [
    ['camera: { driver: v4l2, white_balance_automatic: 0 }', 'camera.controls.white_balance_automatic'],
    ['camera: { driver: rpicam, shutterUs: 500 }', 'camera.exposure.shutterUs'],
  ] as const)
    test(text, () => {
      const { message } = onlyProblem(text);
      assert.ok(message.includes(`: unknown key. Did you mean ${meant}? Allowed keys: driver, `), message);
    });

  for (const [text, message] of CASES) test(text, () => assert.equal(onlyProblem(text).message, message));
});

/** Files with two values that contradict each other, and the message for them. */
const CROSSED: readonly (readonly [text: string, message: string])[] = [
  [
    'camera: { driver: node-libcamera }',
    'cycle.captureMs: the default 3000 is not allowed with camera.driver node-libcamera, because a still takes 1 to 7 s. Use a value above camera.captureMs (15000).',
  ],
  [
    'camera: { driver: node-libcamera, captureMs: 8000 }\ncycle: { captureMs: 8000 }',
    'cycle.captureMs: 8000 is not allowed with camera.driver node-libcamera, because a still takes 1 to 7 s. Use a value above camera.captureMs (8000).',
  ],
  [
    'trigger: { driver: several, sensors: { s1: { driver: ultrasonic, trig: { line: T1 }, echo: { line: E1 } }, s2: { driver: ultrasonic, trig: { line: T2 }, echo: { line: E2 } } } }\nfill: { driver: ultrasonic, sensors: { paper: { trig: { line: T3 }, echo: { line: E3 } } } }\ncycle: { levelMs: 899 }',
    'cycle.levelMs: 899 is not allowed because the 3 ultrasonic sensors measure in turns and take up to 900 ms. Use null or a value from 900.',
  ],
  [
    'policy: { compartments: { a: [x, y], residual: [y] } }',
    'policy.compartments.residual[0]: "y" is not allowed because compartment "a" has it already. Keep the label in one place.',
  ],
  [
    'policy: { compartments: { residual: [x] }, refuse: [y, x] }',
    'policy.refuse[1]: "x" is not allowed because compartment "residual" has it too. Keep the label in one place.',
  ],
  [
    'policy: { refuse: [x, x] }',
    'policy.refuse[1]: "x" is not allowed because it is in the list already. Remove it.',
  ],
  [
    'policy: { compartments: { a: [x], b: [y] }, fallback: c }',
    'policy.fallback: "c" is not allowed. Use one of the compartments "a", "b".',
  ],
  [
    'policy: { compartments: { a: [x], b: [y] } }',
    'policy.fallback: this key is required because no compartment is named "residual". Set one of the compartments "a", "b".',
  ],
  [
    'policy: { compartments: {} }',
    'policy.compartments: an empty mapping is not allowed. Use at least one compartment, or null.',
  ],
  [
    'vision: { tflite: { library: lib.so } }',
    'vision.tflite.library: "lib.so" is not allowed with binding "auto". Set binding to the type of this library, or use null.',
  ],
  [
    'panel: { service: { offset: 5 } }',
    'panel.service.chip: this key is required. Set either chip and offset, or line.',
  ],
  [
    'panel: { service: { chip: a, line: A } }',
    'panel.service.chip: "a" is not allowed. Use either chip and offset, or line.',
  ],
  [
    'panel: { ready: [{ output: green }] }',
    'panel.ready[0].output: "green" is not allowed. Use a name from panel.outputs.',
  ],
  [
    'panel: { outputs: { green: { line: A } }, ready: [{ output: green, onOffMs: [200] }] }',
    'panel.ready[0].onOffMs: a list of 1 entry is not allowed for a pattern that repeats. Use pairs of an on-time and an off-time.',
  ],
  [
    'mqtt: { backoff: { minMs: 70000 } }',
    'mqtt.backoff.minMs: 70000 is not allowed. Use a value up to maxMs (60000).',
  ],
  [
    'mqtt: { password: x }',
    'mqtt.password: *** is not allowed without a username. Set username, or use null.',
  ],
  [
    'mqtt: { username: u, password: 12345678 }',
    'mqtt.password: *** is not allowed. Use a string of 1 to 1000 characters, in quotes.',
  ],
  [
    'mqtt: { passwordFile: secret }',
    'mqtt.passwordFile: "secret" is not allowed without a username. Set username, or use null.',
  ],
  [
    'mqtt: { username: u, password: p, passwordFile: secret }',
    'mqtt.passwordFile: "secret" is not allowed beside password. Remove password, or use null.',
  ],
  [
    'mqtt: { url: "mqtt://u@h", username: u }',
    'mqtt.username: "u" is not allowed beside a user name in url. Remove the user name and the password from url, or use null.',
  ],
  [
    'mqtt: { url: "mqtt://u:p@h", passwordFile: secret }',
    'mqtt.passwordFile: "secret" is not allowed beside a user name in url. Remove the user name and the password from url, or use null.',
  ],
  [
    'mqtt: { url: "mqtt://u:100%@h" }',
    'mqtt.url: "***@h" is not allowed with a percent sign that begins no escape. Write %25 for a percent sign in the user name or the password.',
  ],
  [
    'mqtt: { url: "mqtt://:p@h" }',
    'mqtt.url: "***@h" is not allowed with a password and without a user name. Add the user name.',
  ],
  [
    'mqtt: { url: "mqtt://u:p#w" }',
    'mqtt.url: "mqtt://***" is not allowed. Use a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host.',
  ],
  [
    'mqtt: { url: "http://h:1883/a" }',
    'mqtt.url: "http://h:1883/a" is not allowed. Use a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host.',
  ],
  [
    'mqtt: { url: mqtts://h, cert: c.pem }',
    'mqtt.cert: "c.pem" is not allowed without key. Set key, or use null.',
  ],
  [
    'mqtt: { url: wss://h, key: k.pem }',
    'mqtt.key: "k.pem" is not allowed without cert. Set cert, or use null.',
  ],
  [
    'mqtt: { url: mqtt://h, ca: ca.pem }',
    'mqtt.ca: "ca.pem" is not allowed unless url begins with mqtts:// or wss://. Change url, or use null.',
  ],
  [
    'update: { url: https://user:word@h/models }',
    'update.url: "***@h/models" is not allowed. Use a URL that begins with http://, https:// or file://, without a login, ? and #.',
  ],
  [
    'update: { url: https://h/models, hours: 22:00-24:00 }',
    'update.hours: "22:00-24:00" is not allowed. Use two times of the day such as 22:00-06:00.',
  ],
  [
    'update: { url: https://h/models, hours: 06:00-06:00 }',
    'update.hours: "06:00-06:00" is not allowed. Use null, or two different times.',
  ],
  [
    'update: { hours: 22:00-06:00 }',
    'update.hours: "22:00-06:00" is not allowed without url. Set url, or use null.',
  ],
  [
    'trigger: { driver: ultrasonic, trig: { line: A }, echo: { line: B }, nearMm: 300 }',
    'trigger.nearMm: 300 is not allowed. Use a value up to farMm (250).',
  ],
  [
    'trigger: { driver: several, sensors: { a: { driver: ultrasonic, trig: { line: A }, echo: { line: B }, farMm: 90 } } }',
    'trigger.sensors.a.nearMm: the default 200 is not allowed. Use a value up to farMm (90).',
  ],
  [
    'fill: { driver: ultrasonic, sensors: { a: { trig: { line: A }, echo: { line: B }, fullMm: 500 } } }',
    'fill.sensors.a.fullMm: 500 is not allowed. Use a value below emptyMm (500), because the sensor looks down.',
  ],
  [
    'fill: { driver: ultrasonic, clearPercent: 90 }',
    'fill.clearPercent: 90 is not allowed. Use a value below fullPercent (90).',
  ],
  [
    'gate: { driver: lines, compartments: { a: { output: { line: A, maxOnMs: 300 }, onMs: 301 } } }',
    'gate.compartments.a.onMs: 301 is not allowed. Use a value up to output.maxOnMs (300).',
  ],
  [
    'gate: { driver: lines, compartments: { a: { output: { line: A, maxOnMs: 300 } } } }',
    'gate.compartments.a.onMs: the default 400 is not allowed. Use a value up to output.maxOnMs (300).',
  ],
];

const CALIBRATION = 'calibration: { fromDegrees: 90, toDegrees: -90, fromUs: 600, toUs: 2400 }';
/** Contradictions in the keys of a servo gate, and the message without the prefix `gate.`. */
const SERVO: readonly (readonly [text: string, message: string])[] = [
  [
    'moveMs: 4000, holdMs: 1001',
    'pwm.maxOnMs: the default 5000 is not allowed. Use a value of 5001 or more, the sum of moveMs and holdMs.',
  ],
  [
    'pwm: { maxOnMs: 2000 }, homeMs: 2001, home: { line: A }',
    'pwm.maxOnMs: 2000 is not allowed. Use a value of 2001 or more, the value of homeMs.',
  ],
  ['pwm: { minPulseUs: 2500 }', 'pwm.minPulseUs: 2500 is not allowed. Use a value below maxPulseUs (2500).'],
  [
    'pwm: { periodUs: 2000 }',
    'pwm.maxPulseUs: the default 2500 is not allowed. Use a value up to periodUs (2000).',
  ],
  [
    'homePulseUs: 2501',
    'homePulseUs: 2501 is not allowed. Use a pulse from pwm.minPulseUs to pwm.maxPulseUs (500 to 2500).',
  ],
  [
    'pwm: { minPulseUs: 1600 }',
    'homePulseUs: this key is required because its default 1500 is out of range. Set a pulse from pwm.minPulseUs to pwm.maxPulseUs (1600 to 2500).',
  ],
  [
    `homePulseUs: 1500, homeDegrees: 0, ${CALIBRATION}`,
    'homeDegrees: 0 is not allowed together with homePulseUs. Remove one of the two.',
  ],
  [
    'homeDegrees: 0',
    'homeDegrees: 0 is not allowed without gate.calibration. Set gate.calibration, or use a pulse.',
  ],
  [
    'compartments: { a: { degrees: 5 } }',
    'compartments.a.degrees: 5 is not allowed without gate.calibration. Set gate.calibration, or use a pulse.',
  ],
  [
    `compartments: { a: { degrees: 90.5 } }, ${CALIBRATION}`,
    'compartments.a.degrees: 90.5 is not allowed. Use an angle within the calibration, from -90 to 90.',
  ],
  [
    `compartments: { a: { degrees: -70 } }, pwm: { maxPulseUs: 2100 }, ${CALIBRATION}`,
    'compartments.a.degrees: -70 is not allowed because its pulse is 2200. Use an angle with a pulse from pwm.minPulseUs to pwm.maxPulseUs (500 to 2100).',
  ],
  [
    'compartments: { a: { pulseUs: 499 } }',
    'compartments.a.pulseUs: 499 is not allowed. Use a pulse from pwm.minPulseUs to pwm.maxPulseUs (500 to 2500).',
  ],
  [
    `compartments: { a: { pulseUs: 1000, degrees: 5 } }, ${CALIBRATION}`,
    'compartments.a: a mapping with pulseUs, degrees is not allowed. Use a mapping of the form {pulseUs, end} or {degrees, end}.',
  ],
  [
    'compartments: { a: {} }',
    'compartments.a: an empty mapping is not allowed. Use a mapping of the form {pulseUs, end} or {degrees, end}.',
  ],
  [
    'compartments: { a: { degrees: left } }',
    'compartments.a.degrees: "left" is not allowed. Use a number from -360 to 360.',
  ],
  [
    CALIBRATION.replace('-90', '90'),
    'calibration.toDegrees: 90 is not allowed. Use an angle other than fromDegrees.',
  ],
  [
    CALIBRATION.replace('2400', '600'),
    'calibration.toUs: 600 is not allowed. Use a pulse other than fromUs.',
  ],
  [
    'calibration: { fromDegrees: 0, toDegrees: 9, fromUs: 900 }',
    'calibration.toUs: this key is required. Set a whole number from 100 to 10000.',
  ],
];

describe('explains a contradiction in a servo gate', () => {
  for (const [text, message] of SERVO)
    test(text, () =>
      assert.equal(onlyProblem(`gate: { driver: servo, ${text} }`).message, `gate.${message}`),
    );

  test('reports all contradictions of a file', () => {
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

describe('explains a contradiction', () => {
  for (const [text, message] of CROSSED) test(text, () => assert.equal(onlyProblem(text).message, message));
});

test('reports all problems with their lines, in the order of the lines', () => {
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
    'sortbin.yaml:2: policy.confidence: 1.4 is not allowed. Use a number from 0 to 1.',
  );
  assert.equal(error.message.split('\n').length, 5);
});

test('reports a missing key at the line of its mapping', () => {
  const text = 'policy:\n  compartments:\n    a: [x]\n';
  assert.deepEqual([onlyProblem(text).path, onlyProblem(text).line], ['policy.fallback', 1]);
});

test('shortens a long value and a value of several lines to one short line', () => {
  const [message = ''] = messages(`log: { level: "${'x'.repeat(5_000)}\\nsecond" }`);
  assert.ok(message.length < 250, message);
  assert.ok(!message.includes('\n'));
});
