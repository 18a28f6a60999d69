import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../device/config/load.js';
import { type Config, configSchema } from '../../device/config/schema.js';

const DEFAULTS: Config = {
  bin: { id: 'bin', name: 'Sorting bin' },
  dataDir: 'data',
  model: { bundle: null },
  vision: {
    driver: 'child',
    runtime: 'auto',
    threads: 1,
    tflite: { binding: 'auto', library: null },
    edgetpu: { library: 'libedgetpu.so.1', device: 'auto', performance: null },
    nice: 0,
    cpus: null,
    startMs: 20_000,
  },
  lines: { driver: 'sortbin-io', program: null, leaseMs: 1_000, answerMs: 2_000 },
  trigger: { driver: 'simulated', script: [{ afterMs: 3_000, stillThere: 0 }], repeat: true },
  camera: { driver: 'simulated', folder: null, delayMs: 20, script: [] },
  gate: { driver: 'simulated', moveMs: 800, script: [] },
  fill: { driver: 'none' },
  panel: {
    outputs: {},
    ready: [],
    busy: [],
    refused: [],
    fault: [],
    refusedMs: 3_000,
    light: null,
    service: null,
    wrong: null,
  },
  policy: {
    preset: 'four-way',
    compartments: null,
    refuse: null,
    fallback: null,
    confidence: null,
    margin: null,
    hazardConfidence: 0.3,
  },
  cycle: {
    recordMs: 2_000,
    captureMs: 3_000,
    classifyMs: 3_000,
    moveMs: 10_000,
    homeMs: 10_000,
    homeRetryMs: 30_000,
    handsMs: 2_000,
    levelMs: null,
    stillThereLimit: 3,
  },
  journal: {
    maxEvents: 100_000,
    maxOutbox: 20_000,
    frames: { maxCount: 2_000, maxBytes: 200_000_000 },
  },
  mqtt: {
    url: null,
    username: null,
    password: null,
    passwordFile: null,
    ca: null,
    cert: null,
    key: null,
    proveRights: true,
    commands: [
      'status',
      'hold',
      'emptied',
      'dispute',
      'model.status',
      'model.list',
      'model.show',
      'model.check',
    ],
    prefix: 'sortbin',
    keepaliveS: 30,
    window: 16,
    pubackMs: 10_000,
    image: false,
    homeAssistant: { enabled: false, prefix: 'homeassistant' },
    backoff: { minMs: 1_000, maxMs: 60_000 },
    embedded: { host: '127.0.0.1', port: 1883 },
  },
  http: { host: '127.0.0.1', port: null, names: [] },
  update: {
    url: null,
    root: null,
    name: null,
    everyMinutes: 360,
    hours: null,
    maxBytesPerSecond: null,
  },
  log: { level: 'info', format: 'auto' },
};

test('parses an empty mapping, an empty file and a file of comments to the default configuration', () => {
  assert.deepEqual(configSchema.parse({}), DEFAULTS);
  for (const text of ['', '\n', '# nothing yet\n', '{}', '---\n', '\uFEFF', 'null'])
    assert.deepEqual(parseConfig(text, 'sortbin.yaml'), DEFAULTS);
});

test('fills in the defaults of missing keys at every depth', () => {
  const config = parseConfig('mqtt:\n  backoff: { minMs: 50 }\ntrigger: { repeat: false }\n', 'sortbin.yaml');
  assert.deepEqual(config.mqtt, { ...DEFAULTS.mqtt, backoff: { minMs: 50, maxMs: 60_000 } });
  assert.deepEqual(config.trigger, { ...DEFAULTS.trigger, repeat: false });
  assert.deepEqual(config.bin, DEFAULTS.bin);
});

test('returns configurations that share no state', () => {
  parseConfig('', 'one').policy.compartments = { paper: ['paper'] };
  const { trigger } = parseConfig('', 'one');
  if (trigger.driver === 'simulated') trigger.script.push({ afterMs: 1, stillThere: 0 });
  assert.deepEqual(parseConfig('', 'two'), DEFAULTS);
});

test('accepts the keys of the driver of a part, and uses the default driver if none is named', () => {
  const simulated = parseConfig(
    'vision: { driver: simulated, script: [{ label: glass }, { scores: { battery: 4, paper: 6 } }, { hang: true }] }',
    'sortbin.yaml',
  );
  assert.deepEqual(simulated.vision, {
    driver: 'simulated',
    script: [
      { label: 'glass', confidence: 0.95, unfamiliar: false, delayMs: 0 },
      { scores: { battery: 4, paper: 6 }, unfamiliar: false, delayMs: 0 },
      { hang: true },
    ],
  });
  assert.equal(parseConfig('vision: { threads: 4 }', 'sortbin.yaml').vision.driver, 'child');
});

const STREAM = { width: 640, height: 480, framesPerSecond: 15, freezeMs: 1_000, identicalFrames: 2 } as const;

test('accepts a camera of a Raspberry Pi', () => {
  const { camera } = parseConfig('camera: { driver: rpicam }', 'sortbin.yaml');
  assert.deepEqual(camera, {
    ...{ driver: 'rpicam', camera: 0, program: null, ...STREAM, startMs: 10_000, dropFrames: 10 },
    ...{ latencyMs: null, quality: 90, rotation: 0, crop: null, exposure: 'auto', whiteBalance: 'auto' },
    ...{ focus: 'auto', lockAfterMs: null, tuningFile: null },
  });
  const fixed = `
camera:
  driver: rpicam
  identicalFrames: 0
  rotation: 180
  crop: { x: 0.25, y: 0.1, width: 0.75, height: 0.9 }
  exposure: { shutterUs: 8000, gain: 2.5 }
  whiteBalance: { red: 1.9, blue: 1.5 }
  focus: { dioptres: 4 }
  lockAfterMs: 3000
`;
  assert.deepEqual(parseConfig(fixed, 'sortbin.yaml').camera, {
    ...camera,
    ...{ identicalFrames: 0, rotation: 180, crop: { x: 0.25, y: 0.1, width: 0.75, height: 0.9 } },
    ...{ exposure: { shutterUs: 8_000, gain: 2.5 }, whiteBalance: { red: 1.9, blue: 1.5 } },
    ...{ focus: { dioptres: 4 }, lockAfterMs: 3_000 },
  });
});

test('accepts a USB camera', () => {
  const { camera } = parseConfig('camera: { driver: v4l2 }', 'sortbin.yaml');
  assert.deepEqual(camera, {
    ...{ driver: 'v4l2', device: '/dev/video0', program: null, ...STREAM, startMs: 5_000, dropFrames: 3 },
    ...{ latencyMs: null, format: 'auto', controls: {}, buffers: 4 },
  });
  const fixed = `
camera:
  driver: v4l2
  device: "2"
  format: yuyv
  latencyMs: 40
  controls: { auto_exposure: 1, exposure_time_absolute: 156, white_balance_automatic: 0, gain: -1 }
`;
  const parsed = parseConfig(fixed, 'sortbin.yaml').camera;
  const controls = { auto_exposure: 1, exposure_time_absolute: 156, white_balance_automatic: 0, gain: -1 };
  assert.deepEqual(parsed, { ...camera, device: '2', format: 'yuyv', latencyMs: 40, controls });
  assert.deepEqual('controls' in parsed && Object.keys(parsed.controls), Object.keys(controls));
});

test('accepts every kind of step', () => {
  const { camera, gate } = parseConfig(
    `
camera:
  script: [{ picture: paper/paper18.jpg }, { fault: camera-failed }, { stale: true }, { garbage: true }, { hang: true }]
gate:
  script: [{ moveMs: 5 }, { fault: gate-jammed }, { hang: true }]
`,
    'sortbin.yaml',
  );
  assert.deepEqual('script' in camera && camera.script, [
    { picture: 'paper/paper18.jpg' },
    { fault: 'camera-failed' },
    { stale: true },
    { garbage: true },
    { hang: true },
  ]);
  assert.deepEqual('script' in gate && gate.script, [
    { moveMs: 5 },
    { fault: 'gate-jammed' },
    { hang: true },
  ]);
});

test('accepts consistent policies and brokers', () => {
  const { policy, mqtt } = parseConfig(
    `
policy:
  compartments: { paper: [paper, cardboard], hazard: [battery], residual: [trash] }
  refuse: []
  fallback: residual
  confidence: 0
  margin: 1
mqtt:
  url: mqtts://broker.example:8883/path
  username: bin
  password: secret
  ca: broker.pem
  prefix: site/hall-2
  backoff: { minMs: 500, maxMs: 500 }
`,
    'sortbin.yaml',
  );
  assert.deepEqual(policy.compartments, {
    paper: ['paper', 'cardboard'],
    hazard: ['battery'],
    residual: ['trash'],
  });
  assert.equal(mqtt.url, 'mqtts://broker.example:8883/path');
  for (const url of ['mqtt://h', 'ws://h:9001/mqtt', 'wss://[::1]:443', 'mqtt://u:p@10.0.0.1:1883'])
    assert.equal(parseConfig(`mqtt: { url: "${url}" }`, 'sortbin.yaml').mqtt.url, url);
});

test('sets the home position of a servo to 1500 us, unless a pulse or an angle is given', () => {
  const homeOf = (more: string) => {
    const calibration = '{ fromDegrees: -90, toDegrees: 90, fromUs: 600, toUs: 2400 }';
    const { gate } = parseConfig(
      `gate: { driver: servo, calibration: ${calibration}${more} }`,
      'sortbin.yaml',
    );
    return gate.driver === 'servo' && [gate.homePulseUs, gate.homeDegrees];
  };
  assert.deepEqual(homeOf(''), [1500, null]);
  assert.deepEqual(homeOf(', homePulseUs: 1480'), [1480, null]);
  assert.deepEqual(homeOf(', homeDegrees: 0'), [null, 0]);
});

test('fills in the keys of each camera driver', () => {
  const cameraOf = (text: string) =>
    parseConfig(`camera: ${text}\ncycle: { captureMs: 20000 }`, 'any').camera;
  assert.deepEqual(cameraOf('{ driver: node-libcamera }'), {
    driver: 'node-libcamera',
    camera: 0,
    width: 1_640,
    height: 1_232,
    rotation: 0,
    program: null,
    captureMs: 15_000,
    identicalFrames: 2,
  });
});
