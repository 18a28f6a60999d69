import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CameraFault } from '../../device/hardware/camera/camera.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Liveness } from '../../device/status/liveness.js';
import { type BinParts, makeBin } from '../support/bin.js';

const LIMIT_MS = 60_000;

/** Puts in an item each 10 s, for two minutes. Returns the parts that make no progress. */
const stalledAfter = async (replaced: Omit<BinParts, 'clock' | 'progress'>): Promise<string[]> => {
  const clock = new SimulatedClock();
  const partMs = { camera: LIMIT_MS, journal: LIMIT_MS, vision: LIMIT_MS };
  const progress = new Liveness({ eventLoopMs: LIMIT_MS, partMs }, clock);
  const bin = makeBin({ read: async () => new Uint8Array(4), ...replaced, progress, clock });
  await bin.parts.vision.start(new AbortController().signal);
  await bin.runner.start();
  for (let item = 0; item < 12; item++) {
    bin.trigger.fire();
    for (let step = 0; step < 100; step++) await clock.advance(100);
  }
  const state = progress.healthy();
  const stopping = bin.runner.stop();
  await clock.advance(5_000);
  await stopping;
  return state.ok ? [] : state.stalled.map(({ part }) => part);
};

const broken = (fault: CameraFault) => ({ pictures: Array.from({ length: 20 }, () => ({ fault })) });
const journalThat = (step: 'fail' | 'full') => ({
  journal: new SimulatedJournal({ script: Array.from({ length: 10_000 }, () => step) }),
});

describe('the progress of a cycle', () => {
  it('continues while items are sorted', async () => {
    assert.deepEqual(await stalledAfter({}), []);
  });

  it('ends with a camera that gives no frame, and with a journal that fails', async () => {
    assert.deepEqual(await stalledAfter(broken('camera-no-frame')), ['camera']);
    assert.deepEqual(await stalledAfter(journalThat('fail')), ['journal']);
  });

  it('continues with a missing camera and a full disk, because a restart does not cure them', async () => {
    assert.deepEqual(await stalledAfter(broken('camera-missing')), []);
    assert.deepEqual(await stalledAfter(journalThat('full')), []);
  });
});
