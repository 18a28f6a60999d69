import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rename } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import pino from 'pino';
import sharp from 'sharp';
import { type Clock, SystemClock } from '../../../device/kit/clock.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { ForkedVision, type ForkedVisionOptions } from '../../../device/perception/vision/forked-vision.js';
import type { Vision, VisionInfo } from '../../../device/perception/vision/vision.js';
import { copyBundle, editJson, factoryBundle, quickBundle, signOff } from '../../support/bundle-copy.js';
import { until } from '../../support/until.js';
import { serving } from '../../support/vision-options.js';

const patient = () => AbortSignal.timeout(20_000);
const frameOf = (bytes: Uint8Array) => ({ id: 'f', bytes, capturedAtMs: 0, capturedAtWallMs: 0 });
const golden = (name: string) => readFile(join(factoryBundle(), 'golden', `${name}.jpg`));
const metal = frameOf(await golden('metal301'));
const paper = frameOf(await golden('paper26'));

/** Takes long to decode: whoever is sent it is busy for a while. */
const large = async () => {
  const picture = sharp(metal.bytes).resize(4000, 4000, { fit: 'fill' });
  return frameOf(await picture.webp({ quality: 90, effort: 0 }).toBuffer());
};

const make = async (t: TestContext, options: Partial<ForkedVisionOptions> = {}) => {
  const bundle = options.bundle ?? (await quickBundle(t));
  const clock: Clock = new SystemClock();
  const log = pino({ level: 'silent' });
  const vision = new ForkedVision({ ...serving(bundle), clock, log, ...options });
  t.after(() => vision.close());
  return vision;
};

const pidOf = (vision: ForkedVision): number => {
  assert.ok(vision.pid !== undefined);
  return vision.pid;
};

const outcome = async (answer: ReturnType<Vision['classify']>): Promise<string> => {
  const given = await answer;
  return given.ok ? given.value.label : given.fault.code;
};

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test('ten deaths in the middle of a frame cost ten frames, and no other', async (t) => {
  const vision = await make(t);
  await vision.start();
  const busy = await large();
  const outcomes: string[] = [];
  const pids = new Set<number>();
  for (let death = 0; death < 10; death++) {
    pids.add(pidOf(vision));
    const hit = vision.classify(busy, patient());
    await setImmediate();
    process.kill(pidOf(vision), 'SIGKILL');
    outcomes.push(await outcome(hit), await outcome(vision.classify(metal, patient())));
  }
  assert.deepEqual(outcomes, Array.from({ length: 10 }, () => ['vision-died', 'metal']).flat());
  assert.equal(pids.size, 10);
});

test('a stopped child is ended at the deadline; the one after it is right again', async (t) => {
  const vision = await make(t);
  await vision.start();
  const stopped = pidOf(vision);
  process.kill(stopped, 'SIGSTOP');
  assert.equal(await outcome(vision.classify(metal, AbortSignal.timeout(100))), 'vision-timeout');
  assert.equal(await outcome(vision.classify(paper, patient())), 'paper');
  assert.notEqual(pidOf(vision), stopped);
  assert.ok(isGone(stopped));
});

test('a broken picture, a blank one and a signal to the whole group leave the child alive', async (t) => {
  const vision = await make(t);
  await vision.start();
  const pid = pidOf(vision);
  const cut = frameOf(metal.bytes.subarray(0, 9000));
  const black = await sharp({ create: { width: 640, height: 480, channels: 3, background: 'black' } })
    .jpeg()
    .toBuffer();
  assert.equal(await outcome(vision.classify(cut, patient())), 'picture-broken');
  assert.equal(await outcome(vision.classify(frameOf(Buffer.from('hello')), patient())), 'picture-broken');
  assert.equal(await outcome(vision.classify(frameOf(black), patient())), 'picture-blank');
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGINT');
  assert.equal(await outcome(vision.classify(paper, patient())), 'paper');
  assert.equal(pidOf(vision), pid);
  await vision.close();
  assert.ok(isGone(pid));
});

test('a child whose daemon is gone ends itself', async () => {
  const entry = new URL('../../../device/perception/vision/child.js', import.meta.url);
  const child = fork(entry, { serialization: 'advanced', execArgv: [] });
  child.send({ type: 'start', protocol: 0, serve: {} });
  const [message] = await once(child, 'message');
  assert.equal(message.code, 'vision-protocol');
  child.disconnect();
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
});

test('a damaged bundle, a library that is none, a sample that is not passed: refused at start', async (t) => {
  const refused = async (options: Partial<ForkedVisionOptions>, code: string, message: RegExp) => {
    const vision = await make(t, options);
    await assert.rejects(vision.start(), { code, message });
    assert.equal(vision.pid, undefined);
    assert.equal(await outcome(vision.classify(metal, patient())), 'vision-down');
  };
  const damaged = await copyBundle(t, ({ runtimes }) => {
    runtimes.tflite.sha256 = '0'.repeat(64);
  });
  await refused({ bundle: damaged }, 'bundle-damaged', /model_int8\.tflite has the sha256/);
  await refused(
    { tflite: { binding: 'tensorflowlite', library: '/nowhere/lib.so' } },
    'native-damaged',
    /\/nowhere\/lib\.so cannot be loaded/,
  );
  const altered = await copyBundle(t);
  await editJson<{ expected: { logits: number[] }[] }>(
    join(altered, 'golden', 'tflite.json'),
    ({ expected }) => {
      expected[3]?.logits.splice(0, 1, 99);
    },
  );
  await signOff(altered);
  await refused({ bundle: altered }, 'golden-output', /golden sample paper26: logit 0 is -?\d+, expected 99/);
});

test('a child that is not ready in time is given up', async (t) => {
  const vision = await make(t, { startMs: 1 });
  await assert.rejects(vision.start(), { code: 'vision-timeout', message: /no answer within 1 ms/ });
  assert.equal(vision.pid, undefined);
});

test('a restart that is refused is said, rests, and is tried again', async (t) => {
  const clock = new SimulatedClock();
  const bundle = await quickBundle(t);
  const model = join(bundle, 'model_int8.tflite');
  const vision = await make(t, { bundle, clock });
  await vision.start();
  await rename(model, `${model}.gone`);
  process.kill(pidOf(vision), 'SIGKILL');
  assert.equal(await outcome(vision.classify(metal, patient())), 'vision-died');

  const down = await vision.classify(metal, patient());
  assert.ok(!down.ok);
  assert.equal(down.fault.code, 'vision-down');
  assert.match(down.fault.message, /model_int8\.tflite is missing; .* \(bundle-damaged\)/);

  await clock.advance(99);
  assert.equal(vision.pid, undefined);
  await clock.advance(1);
  assert.match(await outcome(vision.classify(metal, patient())), /vision-down/);
  await rename(`${model}.gone`, model);
  await clock.advance(199);
  assert.equal(vision.pid, undefined);
  await clock.advance(1);
  assert.equal(await outcome(vision.classify(metal, patient())), 'metal');
});

const BOTH = { tflite: { binding: 'auto', library: null } } as const;

test('a runtime that fails twice in a row is left out, said, and serves again after its rest', async (t) => {
  const clock = new SimulatedClock();
  const vision = await make(t, { ...BOTH, clock });
  const told: VisionInfo[] = [];
  vision.onChange((info) => told.push(info));
  assert.equal((await vision.start()).title, 'tflite (LiteRT)');
  const busy = await large();
  const killed = async () => {
    const hit = vision.classify(busy, patient());
    await setImmediate();
    process.kill(pidOf(vision), 'SIGKILL');
    return outcome(hit);
  };
  const servedBy = async () => {
    const answer = await vision.classify(metal, patient());
    return answer.ok && answer.value.runtime.backend;
  };
  assert.equal(await killed(), 'vision-died');
  await until('the second child serves', () => told.length === 1);
  assert.equal(await killed(), 'vision-died');
  await clock.advance(100);
  await until('the third child serves', () => told.length === 2);
  assert.equal(await servedBy(), 'xnnpack-2.9');
  assert.deepEqual(
    told.map(({ title }) => title),
    ['tflite (LiteRT)', 'tflite (TensorFlow Lite)'],
  );
  assert.match(told[1]?.skipped[0]?.why ?? '', /failed 2 times in a row: .*; tried again after 60 s/);

  const before = pidOf(vision);
  await clock.advance(59_999);
  assert.equal(await servedBy(), 'xnnpack-2.9');
  await clock.advance(1);
  await until('the first one is back', () => told.length === 3);
  assert.equal(told[2]?.title, 'tflite (LiteRT)');
  assert.equal(await servedBy(), 'xnnpack-litert-2.3');
  assert.notEqual(pidOf(vision), before);
  await until('the child in between is gone', () => isGone(before));
});

test('a child has the niceness and the cores that it is given, in all its threads', async (t) => {
  const vision = await make(t, { nice: 7, cpus: [0] });
  await vision.start();
  await vision.classify(metal, patient());
  const pid = pidOf(vision);
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    assert.equal(getPriority(Number(thread)), 7);
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8');
    assert.match(status, /^Cpus_allowed_list:\s+0$/m);
  }
});

test('cores that the machine lacks are refused', async (t) => {
  const vision = await make(t, { cpus: [1000] });
  await assert.rejects(vision.start(), { code: 'vision-scheduling', message: /vision\.cpus 1000: / });
});
