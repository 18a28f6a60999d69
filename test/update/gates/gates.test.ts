import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { type Clock, SystemClock } from '../../../device/kit/clock.js';
import { SortbinError } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { loadBundle } from '../../../device/perception/inference/bundle/bundle.js';
import { ModelSlot } from '../../../device/perception/model/model.js';
import { ForkedVision } from '../../../device/perception/vision/forked-vision.js';
import { isAllowed, runtimeOptions } from '../../../device/perception/vision/probe.js';
import type { VisionOptions } from '../../../device/perception/vision/protocol.js';
import { BundleGates, type GatesOptions } from '../../../device/update/gates/gates.js';
import { quiet } from '../../support/bin.js';
import { factoryBundle, quickBundle } from '../../support/bundle-copy.js';
import { childrenOf } from '../../support/processes.js';
import { until } from '../../support/until.js';
import { unwrap } from '../../support/unwrap.js';
import {
  goodBundle,
  hostileBundle,
  hostileLibrary,
  swappedBundle,
  tfjsBundle,
} from '../../support/update/hostile-bundles.js';
import { makeVisionOptions } from '../../support/vision-options.js';

const { signal } = new AbortController();
const TFLITE = 'tflite (TensorFlow Lite)';
const GB = 1e9;
const bytes = await readFile(join(factoryBundle(), 'golden', 'metal301.jpg'));
const frame = { id: 'f', bytes, capturedAtMs: 0, capturedAtWallMs: 0 };

interface Changes extends Partial<GatesOptions> {
  readonly vision?: Partial<VisionOptions>;
  readonly clock?: Clock;
}

/** Makes the gates of a bin whose active model is the factory bundle, with one golden sample. */
const setUp = async (t: TestContext, { vision, ...changes }: Changes = {}) => {
  const present = await quickBundle(t);
  const options = (folder: string) => makeVisionOptions(folder, vision);
  const bundle = await loadBundle(present);
  const info = {
    model: { name: 'waste12', version: '1.3.0', sha256: '' },
    runtime: { name: 'tflite', backend: 'xnnpack-2.9', threads: 1 },
    title: TFLITE,
    golden: null,
    skipped: [],
  } as const;
  const gates = new BundleGates({
    makePolicy: () => {},
    runtimesFor: (folder) => runtimeOptions(options(folder)).filter((one) => isAllowed(one, options(folder))),
    slot: {
      active: { bundle, info, policy: null, vision: {} as never },
      suspend: () => assert.fail('a runtime of the CPU needs no pause'),
    },
    factoryFolder: factoryBundle(),
    startMs: 120_000,
    classifyMs: 60_000,
    nice: 0,
    freeBytes: () => 8 * GB,
    clock: new SystemClock(),
    log: quiet,
    ...changes,
  });
  const faultOf = async (folder: string) => {
    const answer = await gates.check(folder, signal);
    assert.ok(!answer.ok, 'the bundle was rejected');
    assert.deepEqual(childrenOf(), [], 'no process is left');
    return answer.fault;
  };
  return { gates, faultOf };
};

describe('the gates without a vision process', () => {
  it('reject a bundle that is not whole, or that is another one', async (t) => {
    const { faultOf } = await setUp(t);
    const damaged = await goodBundle(t);
    await truncate(join(damaged, 'model_int8.tflite'), 1_000_000);
    const fault = await faultOf(damaged);
    assert.equal(fault.code, 'check-bundle');
    assert.match(fault.message, /model_int8\.tflite: 1000000 bytes, expected \d+/);

    const other = await goodBundle(t);
    assert.equal((await faultOf(join(other, '..', 'waste12@3.0.0'))).code, 'check-bundle');
    const unnamed = await faultOf(await quickBundle(t));
    assert.equal(unnamed.code, 'check-bundle');
    assert.match(
      unnamed.message,
      /^manifest\.json: the bundle is waste12@1\.3\.0, but sortbin-test-\w+ was asked for$/,
    );
  });

  it('reject a bundle that does not fit the policy or the gate of the bin', async (t) => {
    const makePolicy = () => {
      throw new SortbinError('gate-rules', 'gate.compartments: no entry for "glass".');
    };
    const { faultOf } = await setUp(t, { makePolicy });
    assert.deepEqual(await faultOf(await goodBundle(t)), {
      code: 'check-policy',
      message: 'waste12@2.0.0: gate.compartments: no entry for "glass".',
    });
  });

  it('test a bundle also if the system refuses a lower priority, and log that once', async (t) => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
    // The system has no such niceness, and refuses it like a sandbox.
    const { gates } = await setUp(t, { nice: 100, log, vision: { runtime: 'tflite' } });
    const bundle = await goodBundle(t);
    for (const _ of [1, 2]) unwrap(await gates.check(bundle, signal));
    const refused = lines.filter((line) => line.includes('without a lower priority'));
    assert.deepEqual(refused.length, 1, lines.join('\n'));
  });

  it('reject a bundle without a model for the configured runtime', async (t) => {
    const { faultOf } = await setUp(t, { vision: { runtime: 'tfjs-wasm' } });
    assert.deepEqual(await faultOf(await goodBundle(t)), {
      code: 'check-runtime',
      message: 'waste12@2.0.0: it has models for tflite, but vision.runtime allows only tfjs-wasm',
    });
  });

  it('need memory for a second vision process', async (t) => {
    const { faultOf } = await setUp(t, { freeBytes: () => 100e6 });
    assert.deepEqual(await faultOf(await goodBundle(t)), {
      code: 'check-memory',
      message: `${TFLITE}: a second vision process needs about 122 MB, but 100 MB are available`,
    });
  });

  it('test no runtime if the vision is simulated', async (t) => {
    const { gates } = await setUp(t, { runtimesFor: () => [] });
    assert.deepEqual(await gates.check(await goodBundle(t), signal), { ok: true, value: { runtimes: [] } });
  });
});

describe('the gates with vision processes', () => {
  it('let a good bundle pass in each runtime that works, and name the others', async (t) => {
    const library = '/nowhere/lib.so';
    const { gates } = await setUp(t, {
      vision: { runtime: 'auto', tflite: { binding: 'tensorflowlite', library } },
    });
    const answer = await gates.check(await tfjsBundle(t), signal);
    assert.ok(answer.ok, JSON.stringify(answer));
    const [tflite, node, wasm] = answer.value.runtimes;
    assert.match(tflite?.reason ?? '', /tflite \(TensorFlow Lite\): .*\/nowhere\/lib\.so/);
    assert.match(node?.reason ?? '', /^tfjs-node: /);
    assert.equal(wasm?.title, 'tfjs-wasm');
    assert.equal(wasm?.reason, null);
    assert.ok((wasm?.itemMs ?? 0) > 0);
    assert.deepEqual(childrenOf(), []);
  });

  it('are postponed if no runtime works, also not with the present bundle', async (t) => {
    const tflite = { binding: 'tensorflowlite', library: '/nowhere/lib.so' } as const;
    const { faultOf } = await setUp(t, { vision: { tflite } });
    const fault = await faultOf(await goodBundle(t));
    assert.equal(fault.code, 'check-postponed');
    assert.match(fault.message, /also not with the present bundle: .*\/nowhere\/lib\.so/);
  });

  it('reject swapped labels', async (t) => {
    const { faultOf } = await setUp(t);
    const fault = await faultOf(await swappedBundle(t));
    assert.equal(fault.code, 'check-golden');
    assert.match(fault.message, /logit 0 is battery, but in manifest\.json it is /);
  });

  it('reject scores that are not numbers', async (t) => {
    const { faultOf } = await setUp(t, { vision: { runtime: 'tfjs-wasm' } });
    const fault = await faultOf(await tfjsBundle(t, false));
    assert.equal(fault.code, 'check-golden');
    assert.match(fault.message, /^tfjs-wasm: .*NaN/);
  });

  const hostile = async (t: TestContext, changes: Changes = {}) => {
    const { library, hanging } = await hostileLibrary(t);
    const tflite = { binding: 'tensorflowlite', library } as const;
    return { ...(await setUp(t, { ...changes, vision: { tflite } })), hanging };
  };

  it('reject a bundle that ends its process', async (t) => {
    const { faultOf } = await hostile(t);
    const fault = await faultOf(await hostileBundle(t, 'kills'));
    assert.equal(fault.code, 'check-golden');
    assert.match(fault.message, /^tflite \(TensorFlow Lite\): vision process was ended by SIGKILL/);
  });

  it('reject a bundle that takes 4 GB of memory, long before it has them', async (t) => {
    const { faultOf } = await hostile(t);
    const fault = await faultOf(await hostileBundle(t, 'fills'));
    assert.equal(fault.code, 'check-golden');
    const [, found, allowed] =
      /needed (\d+) MB of memory, but at most (\d+) MB are allowed/.exec(fault.message)?.map(Number) ?? [];
    assert.equal(allowed, 244);
    assert.ok((found ?? 4096) < 4096, fault.message);
  });

  it('reject a bundle whose inferences are too slow for the deadline of an item', async (t) => {
    const { faultOf } = await hostile(t, { classifyMs: 3_000 });
    const fault = await faultOf(await hostileBundle(t, 'slow'));
    assert.equal(fault.code, 'check-slow');
    assert.match(
      fault.message,
      /inferences of an item \(2\) take 2\d{3} ms, but at most 1500 ms are allowed/,
    );
  });

  it('do not reject a bundle that is slow in one test only, as on a busy machine', async (t) => {
    const { gates } = await hostile(t, { classifyMs: 3_000 });
    const answer = await gates.check(await hostileBundle(t, 'stutters'), signal);
    assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  });

  it('reject a bundle whose inferences do not end', async (t) => {
    const clock = new SimulatedClock();
    const { faultOf, hanging } = await hostile(t, { clock, startMs: 20_000 });
    const fault = faultOf(await hostileBundle(t, 'hangs'));
    // The second test of the bundle comes after that of the present one.
    for (let tests = 0; tests < 2; tests += 1) {
      await until('an inference hangs', () => existsSync(hanging), 300_000);
      rmSync(hanging);
      // The deadline, with its grace time.
      await clock.advance(20_020);
    }
    assert.deepEqual(await fault, {
      code: 'check-slow',
      message: `${TFLITE}: not ready within 20000 ms (vision.startMs)`,
    });
  });

  it('let the bin sort on meanwhile', async (t) => {
    const { library } = await hostileLibrary(t);
    const vision: Partial<VisionOptions> = { tflite: { binding: 'tensorflowlite', library } };
    const clock = new SystemClock();
    const slot = new ModelSlot({
      folder: await quickBundle(t),
      makePolicy: () => null,
      makeVision: ({ folder }) =>
        new ForkedVision({ ...makeVisionOptions(folder, vision), startMs: 120_000, clock, log: quiet }),
      log: quiet,
    });
    t.after(() => slot.stop());
    await slot.start(signal);
    const [pid] = childrenOf();
    const { gates } = await setUp(t, { vision, slot });
    const checked: string[] = [];
    const check = hostileBundle(t, 'kills').then(async (folder) => {
      const answer = await gates.check(folder, signal);
      checked.push(answer.ok ? 'passed' : answer.fault.code);
    });
    do {
      const answer = await slot.use((model) => model.vision.classify(frame, AbortSignal.timeout(300_000)));
      assert.equal(answer.ok && answer.value.label, 'metal');
    } while (checked.length === 0);
    await check;
    assert.deepEqual(checked, ['check-golden']);
    assert.deepEqual(childrenOf(), [pid], 'the active process is the same one');
  });

  it('end at once when they are aborted', async (t) => {
    const { gates, hanging } = await hostile(t);
    const abort = new AbortController();
    const check = gates.check(await hostileBundle(t, 'hangs'), abort.signal);
    const rejected = assert.rejects(check, /the bin stops/);
    await until('an inference hangs', () => existsSync(hanging), 300_000);
    abort.abort(new Error('the bin stops'));
    await rejected;
    assert.deepEqual(childrenOf(), []);
  });
});
