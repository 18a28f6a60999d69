import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pino from 'pino';
import { type Clock, SystemClock } from '../../../device/kit/clock.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { candidatesOf } from '../../../device/perception/inference/candidates.js';
import { probe, runtimeOptions } from '../../../device/perception/vision/probe.js';
import { quickBundle } from '../../support/bundle-copy.js';
import { hangingLibrary } from '../../support/hanging-library.js';
import { childrenOf } from '../../support/processes.js';
import { makeVisionOptions } from '../../support/vision-options.js';

const runProbe = (options: ReturnType<typeof makeVisionOptions>, clock: Clock = new SystemClock()) =>
  probe(options, { clock, log: pino({ level: 'silent' }), deadlineMs: 30_000 });

/** Options for a vision process that hangs in native code. `hung` returns its process id. */
const hanging = async (t: TestContext) => {
  const { library, hung } = await hangingLibrary(t);
  const tflite = { binding: 'tensorflowlite', library } as const;
  return { options: makeVisionOptions(await quickBundle(t), { tflite }), hung };
};

test('returns the results of a usable runtime, and ends the process', async (t) => {
  const answer = await runProbe(makeVisionOptions(await quickBundle(t)));
  assert.ok(answer.ok);
  const { title, runtime, golden, skipped } = answer.value;
  assert.deepEqual([title, runtime.backend, skipped], ['tflite (TensorFlow Lite)', 'xnnpack-2.9', []]);
  assert.deepEqual([golden?.samples, golden?.exact, golden?.logitDifference], [1, true, 0]);
  assert.deepEqual(childrenOf(), []);
});

test('returns the error of the runtime with its code', async (t) => {
  const library = '/nowhere/lib.so';
  const answer = await runProbe(
    makeVisionOptions(await quickBundle(t), { tflite: { binding: 'tensorflowlite', library } }),
  );
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'native-damaged');
  assert.match(answer.fault.message, /\/nowhere\/lib\.so: cannot be loaded/);
});

test('kills a process that hangs in native code at the deadline', async (t) => {
  const clock = new SimulatedClock();
  const { options, hung } = await hanging(t);
  const probing = runProbe(options, clock);
  const pid = await hung();
  // The deadline, with its grace time.
  await clock.advance(30_020);
  const answer = await probing;
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'vision-timeout');
  assert.match(
    answer.fault.message,
    /^vision process was not ready within 30000 ms \(tflite \(TensorFlow Lite\)\)$/,
  );
  assert.ok(!childrenOf().includes(pid));
});

test('returns a fault if the process crashes', async (t) => {
  const { options, hung } = await hanging(t);
  const probing = runProbe(options);
  process.kill(await hung(), 'SIGSEGV');
  const answer = await probing;
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'vision-died');
  assert.match(answer.fault.message, /^vision process was ended by SIGSEGV/);
});

test('the runtime options are the candidates of auto, one at a time, with the same titles', () => {
  const custom = { binding: 'tensorflowlite', library: '/custom/lib.so' } as const;
  const all = runtimeOptions(makeVisionOptions('/bundle', { runtime: 'tfjs-wasm', tflite: custom }));
  const auto = makeVisionOptions('/bundle', { runtime: 'auto', tflite: { binding: 'auto', library: null } });
  const candidates = candidatesOf(auto).map(({ title }) => title);
  assert.deepEqual(
    all.map(({ title }) => title),
    candidates,
  );
  for (const { title, options } of all)
    assert.deepEqual(
      candidatesOf(options).map((one) => one.title),
      [title],
    );
  const libraries = all.flatMap(({ binding, options }) =>
    binding ? [[binding, options.tflite.library]] : [],
  );
  assert.deepEqual(libraries, [
    ['litert', null],
    ['tensorflowlite', '/custom/lib.so'],
  ]);
});
