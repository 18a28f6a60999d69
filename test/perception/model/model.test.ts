import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import type { Frame } from '../../../device/hardware/camera/camera.js';
import { untilAborted } from '../../../device/kit/deadline.js';
import { deferred } from '../../../device/kit/deferred.js';
import { failed, SortbinError } from '../../../device/kit/errors.js';
import { HealthReporter } from '../../../device/kit/health.js';
import type { Bundle } from '../../../device/perception/inference/bundle/bundle.js';
import { ModelSlot } from '../../../device/perception/model/model.js';
import type { Vision, VisionFault, VisionInfo } from '../../../device/perception/vision/vision.js';
import { editJson, factoryBundle, relabelledBundle } from '../../support/bundle-copy.js';

const { signal } = new AbortController();
const frame: Frame = { id: 'f', bytes: new Uint8Array(1), capturedAtMs: 0, capturedAtWallMs: 0 };

/** A vision that records what happens to it. */
class FakeVision implements Vision {
  readonly health = new HealthReporter<VisionFault>();
  readonly arrival = new AbortController();
  isClosed = false;
  isBusy = false;
  isSuspended = false;
  change: (info: VisionInfo) => void = () => {};

  constructor(
    readonly version: string,
    private readonly starting: (signal: AbortSignal) => Promise<void>,
    readonly isAcceleratorBusy: boolean,
    private readonly runtime: 'simulated' | 'edgetpu',
  ) {}

  infoOf(title: string): VisionInfo {
    const model = { name: 'waste12', version: this.version, sha256: '' };
    const runtime = { name: this.runtime, backend: 'none', threads: 1 };
    return { model, runtime, title, golden: null, skipped: [] };
  }

  async start(inner: AbortSignal): Promise<VisionInfo> {
    await this.starting(inner);
    return this.infoOf('first');
  }

  async classify() {
    return failed('vision-down', 'not used');
  }

  async inspect() {
    return failed('vision-down', 'not used');
  }

  async toJpeg() {
    return failed('vision-down', 'not used');
  }

  async suspend<T>(work: (inner: AbortSignal) => Promise<T>): Promise<T> {
    if (this.isBusy) throw new SortbinError('vision-busy', 'vision is starting');
    this.isSuspended = true;
    try {
      return await work(this.arrival.signal);
    } finally {
      this.isSuspended = false;
    }
  }

  onChange(listener: (info: VisionInfo) => void): void {
    this.change = listener;
  }

  onHealth(listener: Parameters<Vision['onHealth']>[0]): void {
    this.health.onHealth(listener);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

interface Behaviour {
  starting: (signal: AbortSignal) => Promise<void>;
  makePolicy: (bundle: Bundle) => string;
  runtime: 'simulated' | 'edgetpu';
}

/** A slot whose policy is the first label of the bundle. The behaviour may be changed between two calls. */
const setup = (t: TestContext) => {
  const behaviour: Behaviour = {
    starting: async () => {},
    makePolicy: ({ manifest }) => manifest.labels[0] ?? '',
    runtime: 'simulated',
  };
  const visions: FakeVision[] = [];
  const slot = new ModelSlot({
    folder: factoryBundle(),
    makePolicy: (bundle) => behaviour.makePolicy(bundle),
    makeVision: ({ manifest }, isAcceleratorBusy) => {
      const { starting, runtime } = behaviour;
      const vision = new FakeVision(manifest.version, starting, isAcceleratorBusy, runtime);
      visions.push(vision);
      return vision;
    },
    log: pino({ level: 'silent' }),
  });
  t.after(() => slot.stop());
  const active = () => {
    const { bundle, policy, info } = slot.active;
    return [bundle.manifest.version, policy, info.model.version, info.title];
  };
  return { slot, behaviour, visions, active };
};

/** A bundle of version 2.0.0 with a model for the Edge TPU, which no test executes. */
const edgeTpuBundle = async (t: TestContext): Promise<string> => {
  const folder = await relabelledBundle(t);
  await editJson<{ runtimes: Record<string, unknown> }>(join(folder, 'manifest.json'), ({ runtimes }) => {
    runtimes.edgetpu = runtimes.tflite;
  });
  return folder;
};

const FACTORY = ['1.3.0', 'battery', '1.3.0', 'first'];
const OTHER = ['2.0.0', 'b-battery', '2.0.0', 'first'];

describe('the model slot', () => {
  it('exchanges bundle, policy and vision together, and closes the old model after its last item', async (t) => {
    const { slot, visions, active } = setup(t);
    await slot.start(signal);
    assert.deepEqual(active(), FACTORY);
    const announced: string[] = [];
    slot.onChange(({ policy }) => announced.push(policy));

    let finishItem = () => {};
    const item = slot.use(async ({ vision, policy }) => {
      await new Promise<void>((resolve) => {
        finishItem = resolve;
      });
      return [vision, policy];
    });
    await slot.swap(await relabelledBundle(t), signal);
    assert.deepEqual(active(), OTHER);
    assert.deepEqual(announced, ['b-battery']);
    const next = await slot.use(async ({ vision, policy }) => [vision, policy]);
    assert.deepEqual(next, [visions[1], 'b-battery']);
    assert.equal(visions[0]?.isClosed, false, 'an item uses the old model');
    finishItem();
    assert.deepEqual(await item, [visions[0], 'battery']);
    assert.deepEqual(
      visions.map(({ isClosed }) => isClosed),
      [true, false],
    );
  });

  it('stays as it is if the new bundle is missing, does not fit or does not start', async (t) => {
    const { slot, behaviour, visions, active } = setup(t);
    await slot.start(signal);
    const other = await relabelledBundle(t);
    await assert.rejects(slot.swap('/nonexistent', signal), { code: 'bundle-missing' });
    behaviour.makePolicy = () => {
      throw new SortbinError('gate-rules', 'no route');
    };
    await assert.rejects(slot.swap(other, signal), { code: 'gate-rules' });
    assert.equal(visions.length, 1, 'no process was started for a bundle that does not fit');
    behaviour.makePolicy = () => 'other';
    behaviour.starting = async () => {
      throw new SortbinError('no-runtime', 'no runtime');
    };
    await assert.rejects(slot.swap(other, signal), { code: 'no-runtime' });
    assert.deepEqual(active(), FACTORY);
    assert.deepEqual(
      visions.map(({ isClosed }) => isClosed),
      [false, true],
    );
  });

  it('serves items with the old model until the new one is ready', async (t) => {
    const { slot, behaviour, visions } = setup(t);
    await slot.start(signal);
    const { promise, resolve } = deferred<void>();
    behaviour.starting = () => promise;
    const swap = slot.swap(await relabelledBundle(t), signal);
    const policyOf = async () => {
      await setImmediate();
      return slot.use(async ({ policy }) => policy);
    };
    while (visions.length < 2) assert.equal(await policyOf(), 'battery');
    resolve();
    while ((await policyOf()) === 'battery');
    await swap;
    assert.equal(await policyOf(), 'b-battery');
    assert.equal(visions[0]?.isClosed, true);
  });

  it('refuses a second swap while one is running', async (t) => {
    const { slot, behaviour, active } = setup(t);
    await slot.start(signal);
    const other = await relabelledBundle(t);
    let started = () => {};
    behaviour.starting = () => new Promise((resolve) => (started = resolve));
    const first = slot.swap(other, signal);
    await assert.rejects(slot.swap(other, signal), { code: 'model-busy' });
    while (active()[0] === '1.3.0') {
      started();
      await setImmediate();
    }
    await first;
    assert.deepEqual(active(), OTHER);
  });

  it('reports the runtime and the health of the active model only', async (t) => {
    const { slot, visions } = setup(t);
    await slot.start(signal);
    const changes: string[] = [];
    slot.onChange(({ info }) => changes.push(`${info.model.version} ${info.title}`));
    slot.onHealth((fault) => changes.push(fault?.code ?? 'ok'));
    const [first] = visions;
    assert.ok(first);
    first.change(first.infoOf('second'));
    first.health.set({ code: 'vision-down', message: 'it cannot start' });
    assert.equal(slot.active.info.title, 'second');
    await slot.swap(await relabelledBundle(t), signal);
    first.health.set(null);
    first.change(first.infoOf('third'));
    assert.deepEqual(changes, ['1.3.0 second', 'vision-down', 'ok', '2.0.0 first']);
  });

  it('is suspended between two items only', async (t) => {
    const { slot, visions, active } = setup(t);
    await slot.start(signal);
    const [vision] = visions;
    assert.ok(vision);
    const end = deferred<void>();
    const suspended = slot.suspend(async (arrival) => {
      await end.promise;
      return [vision.isSuspended, arrival];
    });
    await assert.rejects(
      slot.suspend(async () => {}),
      { code: 'model-busy' },
    );
    await assert.rejects(slot.swap(factoryBundle(), signal), { code: 'model-busy' });
    end.resolve();
    assert.deepEqual(await suspended, [true, vision.arrival.signal]);
    assert.deepEqual([vision.isSuspended, active()], [false, FACTORY]);

    await slot.use(async () =>
      assert.rejects(
        slot.suspend(async () => {}),
        { code: 'model-busy' },
      ),
    );
    vision.isBusy = true;
    await assert.rejects(
      slot.suspend(async () => {}),
      { code: 'model-busy', message: 'vision is starting' },
    );
  });

  describe('with an accelerator', () => {
    const EDGETPU = { runtime: 'edgetpu' } as const;
    /** The new model cannot start until the accelerator is free. */
    const onlyEdgeTpu = (visions: readonly FakeVision[]) => async () => {
      if (!visions[0]?.isSuspended) throw new SortbinError('edgetpu-refused', 'another program uses it');
    };

    it('starts the new model without it beside the old one', async (t) => {
      const { slot, behaviour, visions } = setup(t);
      Object.assign(behaviour, EDGETPU);
      await slot.start(signal);
      behaviour.runtime = 'simulated';
      await slot.swap(await edgeTpuBundle(t), signal);
      await slot.swap(factoryBundle(), signal);
      assert.deepEqual(
        visions.map(({ isAcceleratorBusy }) => isAcceleratorBusy),
        [false, true, false],
      );
      behaviour.runtime = 'edgetpu';
      await slot.swap(await edgeTpuBundle(t), signal);
      await slot.swap(await relabelledBundle(t), signal);
      assert.equal(visions.at(-1)?.isAcceleratorBusy, false, 'it has no model for the accelerator');
    });

    it('closes the old model first if the new one needs the accelerator, and items wait', async (t) => {
      const { slot, behaviour, visions, active } = setup(t);
      Object.assign(behaviour, EDGETPU);
      await slot.start(signal);
      behaviour.starting = onlyEdgeTpu(visions);
      const first = deferred<void>();
      const item = slot.use(() => first.promise);
      const swap = slot.swap(await edgeTpuBundle(t), signal);
      while (visions.length < 2) await setImmediate();
      await setImmediate();
      const next = slot.use(async ({ policy, vision }) => [policy, vision]);
      assert.equal(visions[0]?.isSuspended, false, 'an item uses the old model');
      first.resolve();
      await item;
      await swap;
      assert.deepEqual(active(), OTHER);
      assert.deepEqual(await next, ['b-battery', visions[2]]);
      assert.deepEqual(
        visions.map(({ isClosed, isAcceleratorBusy }) => [isClosed, isAcceleratorBusy]),
        [
          [true, false],
          [true, true],
          [false, false],
        ],
      );
    });

    it('returns to the old model if the new one does not start', async (t) => {
      const { slot, behaviour, visions, active } = setup(t);
      Object.assign(behaviour, EDGETPU);
      await slot.start(signal);
      behaviour.starting = async () => {
        throw new SortbinError('edgetpu-refused', 'broken');
      };
      await assert.rejects(slot.swap(await edgeTpuBundle(t), signal), { code: 'edgetpu-refused' });
      assert.deepEqual(active(), FACTORY);
      assert.deepEqual([visions[0]?.isClosed, visions[0]?.isSuspended], [false, false]);
      assert.equal(await slot.use(async ({ policy }) => policy), 'battery');
    });
  });

  it('starts a shadow beside the active model', async (t) => {
    const { slot, visions, active } = setup(t);
    await slot.start(signal);
    const shadow = await slot.shadow(await relabelledBundle(t), signal);
    assert.deepEqual([shadow.policy, shadow.info.model.version], ['b-battery', '2.0.0']);
    assert.deepEqual(await shadow.vision.classify(frame, signal), failed('vision-down', 'not used'));
    assert.deepEqual(active(), FACTORY);
    await slot.closeShadow(shadow);
    assert.deepEqual(
      visions.map(({ isClosed }) => isClosed),
      [false, true],
    );
  });

  it('closes all models when it stops, also one that is starting', async (t) => {
    const { slot, behaviour, visions } = setup(t);
    await slot.start(signal);
    const other = await relabelledBundle(t);
    await slot.shadow(other, signal);
    behaviour.starting = (inner) => untilAborted(inner);
    const swap = slot.swap(other, signal);
    while (visions.length < 3) await setImmediate();
    await slot.stop();
    await assert.rejects(swap, /closed/);
    assert.deepEqual(
      visions.map(({ isClosed }) => isClosed),
      [true, true, true],
    );
  });
});
