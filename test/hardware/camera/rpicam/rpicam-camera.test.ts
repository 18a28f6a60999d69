import { setTimeout as wait } from 'node:timers/promises';
import { type CameraBench, cameraContract } from '../../../contract/camera-contract.js';
import { makeRpicamBench } from '../../../support/hardware/rpicam-bench.js';

cameraContract('rpicam', async (test): Promise<CameraBench> => {
  const { clock, fake, camera } = makeRpicamBench(test);
  return {
    camera,
    show: async (scene) => fake.change({ scene }),
    stall: () => fake.change({ stall: 'silent' }),
    resume: () => fake.change({ stall: 'no', hangs: false }),
    hang: () => fake.change({ hangs: true }),
    // libcamera notices an unplugged camera only at the next start.
    unplug: () => fake.change({ stall: 'silent', error: 'no cameras available' }),
    plugIn: () => fake.change({ stall: 'no', error: '' }),
    nowMs: () => clock.monotonicMs(),
    pass: async (ms) => {
      await wait(ms);
    },
  };
});
