import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import type { CameraFault, Frame } from '../../../device/hardware/camera/camera.js';
import { OldFrames } from '../../../device/hardware/camera/frame-faults.js';
import { type CameraStream, SupervisedCamera } from '../../../device/hardware/camera/supervised-camera.js';
import { orAborted, sleep, withDeadline } from '../../../device/kit/deadline.js';
import { deferred } from '../../../device/kit/deferred.js';
import { done, type Fault, failed } from '../../../device/kit/errors.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { cameraContract } from '../../contract/camera-contract.js';
import { cameraRestartContract, type RestartBench } from '../../contract/camera-restart-contract.js';
import { quiet } from '../../support/bin.js';
import { makeSceneJpegs, type Scene } from '../../support/hardware/scenes.js';

const INTERVAL_MS = 40;
const START_MS = 2_000;
const FREEZE_MS = 500;
const never = new AbortController().signal;
const sceneJpeg = await makeSceneJpegs();

/** A camera that delivers a frame every 40 ms, through streams that a test can break. */
class FakeDevice {
  readonly clock = new SimulatedClock();
  launches = 0;
  /** Counts the listeners that were ever added to the end of the last stream. */
  countEndListeners = () => 0;
  readonly killed: string[] = [];
  scene: Scene = 'normal';
  isPlugged = true;
  isStalled = false;
  hangs = false;
  /** Age of a frame when it arrives. */
  ageMs = 0;
  #end: (fault: Fault<CameraFault>) => void = () => {};
  #frames = 0;

  launch = async (signal: AbortSignal) => {
    this.launches += 1;
    if (!this.isPlugged) return failed('camera-missing', 'no camera. Connect one.');
    // A stream starts with its first frame.
    if (this.hangs || this.isStalled) {
      await sleep(this.clock, START_MS, signal).catch(() => {});
      if (signal.aborted || this.hangs || this.isStalled)
        return failed('camera-no-frame', 'the camera hangs. Connect it again.');
    }
    return done(this.#stream());
  };

  unplug(): void {
    this.isPlugged = false;
    this.end('camera-missing');
  }

  end(code: CameraFault): void {
    this.#end({ code, message: `${code}. Connect the camera.` });
  }

  #stream(): CameraStream {
    const ended = deferred<Fault<CameraFault>>();
    this.#end = ended.resolve;
    const { mock: calls } = mock.method(ended.promise, 'then');
    this.countEndListeners = () => calls.callCount();
    const kill = (reason: string) => {
      this.killed.push(reason);
      ended.resolve({ code: 'camera-failed', message: reason });
    };
    const next = async (atMs: number, signal: AbortSignal): Promise<Frame> => {
      await sleep(this.clock, Math.max(INTERVAL_MS, atMs + this.ageMs - this.clock.monotonicMs()), signal);
      if (!this.isStalled) return this.#frame();
      await sleep(this.clock, FREEZE_MS, signal);
      this.end('camera-frozen');
      return orAborted(new Promise<never>(() => {}), signal);
    };
    return {
      info: {
        ...{ driver: 'fake', model: 'fake', size: null, format: 'jpeg', framesPerSecond: 25 },
        ...{ clock: 'exposure', latencyMs: 0 },
      },
      ended: ended.promise,
      frameAfter: next,
      latest: (signal) => next(Number.NEGATIVE_INFINITY, signal),
      settings: async () => null,
      kill,
      close: async () => kill('closed'),
    };
  }

  async #frame(): Promise<Frame> {
    const { clock, ageMs } = this;
    const bytes = sceneJpeg(this.scene, this.#frames++);
    const capturedAtMs = clock.monotonicMs() - ageMs;
    return { id: newId(), bytes, capturedAtMs, capturedAtWallMs: clock.wallMs() - ageMs };
  }
}

const setUp = (identicalFrames = 2) => {
  const device = new FakeDevice();
  const { clock, launch } = device;
  const camera = new SupervisedCamera({ launch, identicalFrames, clock, log: quiet });
  const health: (string | null)[] = [];
  camera.onHealth((fault) => health.push(fault?.code ?? null));
  const capture = async () => {
    const answer = camera.frameAfter(clock.monotonicMs(), never);
    await clock.advance(INTERVAL_MS);
    return answer;
  };
  return { device, clock, camera, health, capture };
};

const makeBench = async (): Promise<RestartBench> => {
  const { device, clock, camera } = setUp();
  const resume = () => {
    device.isStalled = false;
    device.hangs = false;
  };
  return {
    camera,
    show: async (scene) => {
      device.scene = scene;
    },
    stall: () => {
      device.isStalled = true;
    },
    resume,
    hang: () => {
      device.hangs = true;
    },
    unplug: () => device.unplug(),
    plugIn: () => {
      device.isPlugged = true;
    },
    starts: () => device.launches,
    nowMs: () => clock.monotonicMs(),
    pass: (ms) => clock.advance(ms),
  };
};

cameraContract('supervised', makeBench);
cameraRestartContract('supervised', makeBench);

describe('a supervised camera', () => {
  it('restarts its stream with back-off while the camera is missing', async () => {
    const { device, clock, camera } = setUp();
    await camera.start(never);
    device.unplug();
    await clock.advance(60_000);
    // 250 ms, doubled up to 30 s: 7 attempts within 31.75 s, and one more within 60 s.
    assert.equal(device.launches, 1 + 7);
    await camera.close();
    await clock.advance(60_000);
    assert.equal(device.launches, 1 + 7);
  });

  it('restarts its stream at once for an item, and answers with the fault if that fails', async () => {
    const { device, clock, camera, capture } = setUp();
    await camera.start(never);
    device.unplug();
    await clock.advance(20_000);
    const before = device.launches;
    const answer = await capture();
    assert.equal(!answer.ok && answer.fault.code, 'camera-missing');
    assert.equal(device.launches, before + 1);
    device.isPlugged = true;
    assert.equal((await capture()).ok, true);
  });

  it('takes the frame of an item from the next stream if a stream ends meanwhile', async () => {
    const { device, clock, camera } = setUp();
    await camera.start(never);
    const answer = camera.frameAfter(clock.monotonicMs(), never);
    device.end('camera-failed');
    await clock.advance(INTERVAL_MS);
    assert.equal((await answer).ok, true);
    assert.equal(device.launches, 2);
  });

  it('adds no listener to a stream for an item, because a stream may run for months', async () => {
    const { device, camera, capture } = setUp();
    await camera.start(never);
    await capture();
    const before = device.countEndListeners();
    for (let count = 0; count < 5; count++) assert.equal((await capture()).ok, true);
    assert.equal(device.countEndListeners(), before);
    await camera.close();
  });

  it('restarts a stream that repeats an image, and keeps the fault until the image changes', async () => {
    const { device, clock, camera, health, capture } = setUp(3);
    await camera.start(never);
    device.scene = 'still';
    const answers = [await capture(), await capture(), await capture(), await capture()];
    assert.deepEqual(
      answers.map((answer) => (answer.ok ? 'ok' : answer.fault.code)),
      ['ok', 'ok', 'camera-frozen', 'camera-frozen'],
    );
    assert.deepEqual(device.killed, ['repeated the same image', 'repeated the same image']);
    await clock.advance(1_000);
    assert.deepEqual(health, ['camera-frozen']);
    device.scene = 'normal';
    assert.equal((await capture()).ok, true);
    assert.deepEqual(health, ['camera-frozen', null]);
    await camera.close();
  });

  /** Asks for a frame as an item does. Returns whether one came before the deadline. */
  const item = async ({ clock, camera }: ReturnType<typeof setUp>) => {
    const answer = withDeadline(clock, 1_000, (signal) =>
      camera.frameAfter(clock.monotonicMs(), signal),
    ).then(
      ({ ok }) => ok,
      () => false,
    );
    await clock.advance(1_000);
    await clock.advance(INTERVAL_MS);
    return answer;
  };

  it('reports frames that are always older than the items, without a restart', async () => {
    const bench = setUp();
    const { device, camera, health } = bench;
    const messages: string[] = [];
    camera.onHealth((fault) => messages.push(fault?.message ?? ''));
    await camera.start(never);
    device.ageMs = 60_000;
    for (let count = 0; count < 2; count++) assert.equal(await item(bench), false);
    assert.deepEqual(health, []);
    for (let count = 0; count < 3; count++) assert.equal(await item(bench), false);
    assert.deepEqual(messages, [
      'frames arrive, but each is older than the trigger. Reduce camera.latencyMs, or check the clock of the driver.',
    ]);
    device.ageMs = 0;
    assert.equal(await item(bench), true);
    assert.deepEqual(health, ['camera-no-frame', null]);
    assert.deepEqual([device.launches, device.killed], [1, []]);
    await camera.close();
  });

  it('does not call frames old if every third item gets one', async () => {
    const bench = setUp();
    const { device, camera, health } = bench;
    await camera.start(never);
    for (let count = 0; count < 6; count++) {
      device.ageMs = count % 3 === 2 ? 0 : 60_000;
      await item(bench);
    }
    assert.deepEqual(health, []);
    await camera.close();
  });

  it('does not call frames old if none arrives', () => {
    const old = new OldFrames();
    const newest = { id: newId(), bytes: new Uint8Array(), capturedAtMs: 5, capturedAtWallMs: 5 };
    for (let count = 0; count < 5; count++) assert.equal(old.check(newest, 10), null);
  });

  it('accepts repeated images if the limit is 0', async () => {
    const { device, camera, capture } = setUp(0);
    await camera.start(never);
    device.scene = 'still';
    for (let count = 0; count < 5; count++) assert.equal((await capture()).ok, true);
    await camera.close();
  });
});
