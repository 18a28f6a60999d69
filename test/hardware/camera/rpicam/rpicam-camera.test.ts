import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { cameraContract } from '../../../contract/camera-contract.js';
import { cameraRestartContract, type RestartBench } from '../../../contract/camera-restart-contract.js';
import { makeRpicamBench } from '../../../support/hardware/rpicam-bench.js';

const makeBench = async (test: TestContext): Promise<RestartBench> => {
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
    starts: () => fake.starts.length,
    nowMs: () => clock.monotonicMs(),
    pass: async (ms) => {
      await wait(ms);
    },
  };
};

cameraContract('rpicam', makeBench);
cameraRestartContract('rpicam', makeBench);
