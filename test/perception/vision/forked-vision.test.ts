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
import type { Vision, VisionFault, VisionInfo } from '../../../device/perception/vision/vision.js';
import {
  copyBundle,
  editJson,
  factoryBundle,
  quickBundle,
  updateDigests,
} from '../../support/bundle-copy.js';
import { hangingLibrary } from '../../support/hanging-library.js';
import { childrenOf } from '../../support/processes.js';
import { until } from '../../support/until.js';
import { makeVisionOptions } from '../../support/vision-options.js';

const never = new AbortController().signal;

const patient = () => AbortSignal.timeout(20_000);
const frameOf = (bytes: Uint8Array) => ({ id: 'f', bytes, capturedAtMs: 0, capturedAtWallMs: 0 });
const golden = (name: string) => readFile(join(factoryBundle(), 'golden', `${name}.jpg`));
const metal = frameOf(await golden('metal301'));
const paper = frameOf(await golden('paper26'));

/** Takes long to decode. The vision process is busy for a while. */
const large = async () => {
  const image = sharp(metal.bytes).resize(4000, 4000, { fit: 'fill' });
  return frameOf(await image.webp({ quality: 90, effort: 0 }).toBuffer());
};

const make = async (t: TestContext, options: Partial<ForkedVisionOptions> = {}) => {
  const bundle = options.bundle ?? (await quickBundle(t));
  const clock: Clock = new SystemClock();
  const log = pino({ level: 'silent' });
  const vision = new ForkedVision({ ...makeVisionOptions(bundle), clock, log, ...options });
  t.after(() => vision.close());
  return vision;
};

const pidOf = (vision: ForkedVision): number => {
  assert.ok(vision.pid !== undefined);
  return vision.pid;
};

const outcome = async (answer: ReturnType<Vision['classify']>): Promise<string> => {
  const result = await answer;
  return result.ok ? result.value.label : result.fault.code;
};

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test('if the process is killed during ten frames, only these ten frames fail', async (t) => {
  const vision = await make(t);
  await vision.start(never);
  const busy = await large();
  const outcomes: string[] = [];
  const pids = new Set<number>();
  for (let kill = 0; kill < 10; kill++) {
    pids.add(pidOf(vision));
    const hit = vision.classify(busy, patient());
    await setImmediate();
    process.kill(pidOf(vision), 'SIGKILL');
    outcomes.push(await outcome(hit), await outcome(vision.classify(metal, patient())));
  }
  assert.deepEqual(outcomes, Array.from({ length: 10 }, () => ['vision-died', 'metal']).flat());
  assert.equal(pids.size, 10);
});

test('a stopped process is killed at the deadline, and the next one classifies correctly', async (t) => {
  const vision = await make(t);
  await vision.start(never);
  const stopped = pidOf(vision);
  process.kill(stopped, 'SIGSTOP');
  assert.equal(await outcome(vision.classify(metal, AbortSignal.timeout(100))), 'vision-timeout');
  assert.equal(await outcome(vision.classify(paper, patient())), 'paper');
  assert.notEqual(pidOf(vision), stopped);
  assert.ok(isGone(stopped));
});

test('a broken, a blank, a dark and an overexposed image and a signal to the process group do not end the process', async (t) => {
  const vision = await make(t);
  await vision.start(never);
  const pid = pidOf(vision);
  const cut = frameOf(metal.bytes.subarray(0, 9000));
  const black = await sharp({ create: { width: 640, height: 480, channels: 3, background: 'black' } })
    .jpeg()
    .toBuffer();
  assert.equal(await outcome(vision.classify(cut, patient())), 'picture-broken');
  assert.equal(await outcome(vision.classify(frameOf(Buffer.from('hello')), patient())), 'picture-broken');
  assert.equal(await outcome(vision.classify(frameOf(black), patient())), 'picture-blank');
  const stripes = (one: number, other: number) => ({
    ...frameOf(Buffer.alloc(64 * 64 * 3).map((_, at) => (at % 48 < 24 ? one : other))),
    format: { kind: 'rgb', width: 64, height: 64, strideBytes: 192 } as const,
  });
  assert.equal(await outcome(vision.classify(stripes(4, 20), patient())), 'picture-dark');
  assert.equal(await outcome(vision.classify(stripes(255, 246), patient())), 'picture-overexposed');
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGINT');
  assert.equal(await outcome(vision.classify(paper, patient())), 'paper');
  assert.equal(pidOf(vision), pid);
  await vision.close();
  assert.ok(isGone(pid));
});

test('the process exits when the daemon has exited', async () => {
  const entry = new URL('../../../device/perception/vision/child.js', import.meta.url);
  const child = fork(entry, { serialization: 'advanced', execArgv: [] });
  child.send({ type: 'start', protocol: 0, options: {} });
  const [message] = await once(child, 'message');
  assert.equal(message.code, 'vision-protocol');
  child.disconnect();
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
});

test('start fails on a damaged bundle, an invalid library and a failed golden sample', async (t) => {
  const refused = async (options: Partial<ForkedVisionOptions>, code: string, message: RegExp) => {
    const vision = await make(t, options);
    await assert.rejects(vision.start(never), { code, message });
    assert.equal(vision.pid, undefined);
    assert.equal(await outcome(vision.classify(metal, patient())), 'vision-down');
  };
  const damaged = await copyBundle(t, ({ runtimes }) => {
    runtimes.tflite.sha256 = '0'.repeat(64);
  });
  await refused({ bundle: damaged }, 'bundle-damaged', /model_int8\.tflite: sha256 /);
  await refused(
    { tflite: { binding: 'tensorflowlite', library: '/nowhere/lib.so' } },
    'native-damaged',
    /\/nowhere\/lib\.so: cannot be loaded/,
  );
  const altered = await copyBundle(t);
  await editJson<{ expected: { logits: number[] }[] }>(
    join(altered, 'golden', 'tflite.json'),
    ({ expected }) => {
      expected[3]?.logits.splice(0, 1, -99);
    },
  );
  await updateDigests(altered);
  await refused(
    { bundle: altered },
    'golden-output',
    /golden sample paper26: logit 0 is -?\d+, expected -99/,
  );
});

test('start fails if the process is not ready in time', async (t) => {
  const vision = await make(t, { startMs: 1 });
  await assert.rejects(vision.start(never), {
    code: 'vision-timeout',
    message: /vision process was not ready within 1 ms/,
  });
  assert.equal(vision.pid, undefined);
});

/** Starts a vision whose process hangs in native code. No deadline ends it, because the clock stands still. */
const startHanging = async (t: TestContext, signal: AbortSignal) => {
  const { library, hung } = await hangingLibrary(t);
  const tflite = { binding: 'tensorflowlite', library } as const;
  const vision = await make(t, { tflite, clock: new SimulatedClock() });
  const started = vision.start(signal);
  return { vision, started, pid: await hung() };
};

test('an aborted start rejects with the reason of its signal, and kills a process that hangs', async (t) => {
  const stop = new AbortController();
  const { vision, started, pid } = await startHanging(t, stop.signal);
  const reason = new Error('stopped');
  stop.abort(reason);
  await assert.rejects(started, (thrown) => thrown === reason);
  await until('the process is gone', () => isGone(pid));
  await until('there is no process', () => vision.pid === undefined);
  assert.equal(await outcome(vision.classify(metal, patient())), 'vision-down');
  assert.ok(!childrenOf().includes(pid));
});

test('close during a start kills a process that hangs', async (t) => {
  const { vision, started, pid } = await startHanging(t, never);
  await Promise.all([vision.close(), assert.rejects(started, { code: 'vision-down' })]);
  assert.ok(isGone(pid));
});

test('a failed restart is reported and repeated after a delay', async (t) => {
  const clock = new SimulatedClock();
  const bundle = await quickBundle(t);
  const model = join(bundle, 'model_int8.tflite');
  const vision = await make(t, { bundle, clock });
  const health: (VisionFault | null)[] = [];
  vision.onHealth((fault) => health.push(fault?.code ?? null));
  await vision.start(never);
  await rename(model, `${model}.gone`);
  process.kill(pidOf(vision), 'SIGKILL');
  assert.equal(await outcome(vision.classify(metal, patient())), 'vision-died');

  const down = await vision.classify(metal, patient());
  assert.ok(!down.ok);
  assert.equal(down.fault.code, 'vision-down');
  assert.match(
    down.fault.message,
    /vision: cannot be started \(bundle-damaged\)\. .*model_int8\.tflite: the file is missing/,
  );

  assert.deepEqual(health, ['vision-down']);

  await clock.advance(99);
  assert.equal(vision.pid, undefined);
  await clock.advance(1);
  assert.match(await outcome(vision.classify(metal, patient())), /vision-down/);
  await rename(`${model}.gone`, model);
  await clock.advance(199);
  assert.equal(vision.pid, undefined);
  await clock.advance(1);
  assert.equal(await outcome(vision.classify(metal, patient())), 'metal');
  assert.deepEqual(health, ['vision-down', null]);
});

test('a delayed restart is reported as a fault until a process is active again', async (t) => {
  const clock = new SimulatedClock();
  const vision = await make(t, { clock });
  const health: string[] = [];
  vision.onHealth((fault) => health.push(fault ? `${fault.code}: ${fault.message}` : 'none'));
  let restarts = 0;
  vision.onChange(() => {
    restarts += 1;
  });
  await vision.start(never);
  process.kill(pidOf(vision), 'SIGKILL');
  await until('the second process is active', () => restarts === 1);
  assert.deepEqual(health, []);
  process.kill(pidOf(vision), 'SIGKILL');
  await until('a fault is reported', () => health.length === 1);
  assert.match(health[0] ?? '', /^vision-died: .*SIGKILL/);
  await clock.advance(100);
  await until('the third process is active', () => health.length === 2);
  assert.equal(health[1], 'none');
});

const BOTH = { tflite: { binding: 'auto', library: null } } as const;

test('a runtime that fails twice in a row is skipped, reported, and active again after its cool-down time', async (t) => {
  const clock = new SimulatedClock();
  const vision = await make(t, { ...BOTH, clock });
  const changes: VisionInfo[] = [];
  vision.onChange((info) => changes.push(info));
  assert.equal((await vision.start(never)).title, 'tflite (LiteRT)');
  const busy = await large();
  const killed = async () => {
    const hit = vision.classify(busy, patient());
    await setImmediate();
    process.kill(pidOf(vision), 'SIGKILL');
    return outcome(hit);
  };
  const activeBackend = async () => {
    const answer = await vision.classify(metal, patient());
    return answer.ok && answer.value.runtime.backend;
  };
  assert.equal(await killed(), 'vision-died');
  await until('the second process is active', () => changes.length === 1);
  assert.equal(await killed(), 'vision-died');
  await clock.advance(100);
  await until('the third process is active', () => changes.length === 2);
  assert.equal(await activeBackend(), 'xnnpack-2.9');
  assert.deepEqual(
    changes.map(({ title }) => title),
    ['tflite (LiteRT)', 'tflite (TensorFlow Lite)'],
  );
  assert.match(changes[1]?.skipped[0]?.why ?? '', /^next attempt after 60 s\. Reason: 2 failures in a row: /);

  const before = pidOf(vision);
  await clock.advance(59_999);
  assert.equal(await activeBackend(), 'xnnpack-2.9');
  await clock.advance(1);
  await until('the first runtime is active again', () => changes.length === 3);
  assert.equal(changes[2]?.title, 'tflite (LiteRT)');
  assert.equal(await activeBackend(), 'xnnpack-litert-2.3');
  assert.notEqual(pidOf(vision), before);
  await until('the process of the other runtime has exited', () => isGone(before));
});

test('all threads of the process have the configured nice value and CPU cores', async (t) => {
  const vision = await make(t, { nice: 7, cpus: [0] });
  await vision.start(never);
  await vision.classify(metal, patient());
  const pid = pidOf(vision);
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    assert.equal(getPriority(Number(thread)), 7);
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8');
    assert.match(status, /^Cpus_allowed_list:\s+0$/m);
  }
});

test('refuses CPU cores that do not exist', async (t) => {
  const vision = await make(t, { cpus: [1000] });
  await assert.rejects(vision.start(never), {
    code: 'vision-scheduling',
    message: /^vision\.cpus: cores 1000 cannot be used \(/,
  });
});
