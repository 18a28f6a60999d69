import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import pino from 'pino';
import { type Clock, SystemClock } from '../../../device/kit/clock.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { candidatesOf } from '../../../device/perception/inference/candidates.js';
import { probe, runtimeOptions } from '../../../device/perception/vision/probe.js';
import { quickBundle, temporaryFolder } from '../../support/bundle-copy.js';
import { until } from '../../support/until.js';
import { serving } from '../../support/vision-options.js';

const ask = (serve: ReturnType<typeof serving>, clock: Clock = new SystemClock()) =>
  probe(serve, { clock, log: pino({ level: 'silent' }), deadlineMs: 30_000 });

const children = (): number[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** A library whose loading never ends, a pipe that says nothing; and the process that hangs in it. */
const hanging = async (t: TestContext) => {
  const library = join(await temporaryFolder(t), 'lib.so');
  await promisify(execFile)('mkfifo', [library]);
  const pipe = await open(library, 'r+');
  t.after(() => pipe.close());
  const reads = (pid: number): boolean => {
    try {
      const folder = `/proc/${pid}/fd`;
      return readdirSync(folder).some((file) => readlinkSync(join(folder, file)) === library);
    } catch {
      return false;
    }
  };
  const hung = async (): Promise<number> => {
    await until('a child hangs in the library', () => children().some(reads));
    return children().find(reads) ?? Number.NaN;
  };
  return { serve: serving(await quickBundle(t), { tflite: { binding: 'tensorflowlite', library } }), hung };
};

test('a way that serves says how it passed, and its child is gone', async (t) => {
  const answer = await ask(serving(await quickBundle(t)));
  assert.ok(answer.ok);
  const { title, runtime, golden, skipped } = answer.value;
  assert.deepEqual([title, runtime.backend, skipped], ['tflite (TensorFlow Lite)', 'xnnpack-2.9', []]);
  assert.deepEqual([golden?.samples, golden?.exact, golden?.logitDifference], [1, true, 0]);
  assert.deepEqual(children(), []);
});

test('what the child refuses is the fault, with its code', async (t) => {
  const library = '/nowhere/lib.so';
  const answer = await ask(serving(await quickBundle(t), { tflite: { binding: 'tensorflowlite', library } }));
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'native-damaged');
  assert.match(answer.fault.message, /\/nowhere\/lib\.so cannot be loaded/);
});

test('a child that hangs in native code is ended at the deadline', async (t) => {
  const clock = new SimulatedClock();
  const { serve, hung } = await hanging(t);
  const asked = ask(serve, clock);
  const pid = await hung();
  await clock.advance(30_000);
  const answer = await asked;
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'vision-timeout');
  assert.match(answer.fault.message, /not ready: no answer within 30000 ms, in tflite \(TensorFlow Lite\)/);
  assert.ok(!children().includes(pid));
});

test('a child that crashes is a fault, and nothing more', async (t) => {
  const { serve, hung } = await hanging(t);
  const asked = ask(serve);
  process.kill(await hung(), 'SIGSEGV');
  const answer = await asked;
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'vision-died');
  assert.match(answer.fault.message, /ended by SIGSEGV/);
});

test('the ways are the candidates of auto, each alone, by the same titles', () => {
  const own = { binding: 'tensorflowlite', library: '/own/lib.so' } as const;
  const ways = runtimeOptions(serving('/bundle', { runtime: 'tfjs-wasm', tflite: own }));
  const auto = serving('/bundle', { runtime: 'auto', tflite: { binding: 'auto', library: null } });
  const candidates = candidatesOf(auto).map(({ title }) => title);
  assert.deepEqual(
    ways.map(({ title }) => title),
    candidates,
  );
  for (const { title, serve } of ways)
    assert.deepEqual(
      candidatesOf(serve).map((one) => one.title),
      [title],
    );
  const libraries = ways.flatMap(({ binding, serve }) => (binding ? [[binding, serve.tflite.library]] : []));
  assert.deepEqual(libraries, [
    ['litert', null],
    ['tensorflowlite', '/own/lib.so'],
  ]);
});
