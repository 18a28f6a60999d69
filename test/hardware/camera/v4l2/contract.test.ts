import type { TestContext } from 'node:test';
import { cameraContract } from '../../../contract/camera-contract.js';
import { cameraRestartContract } from '../../../contract/camera-restart-contract.js';
import { makeV4l2Bench } from '../../../support/hardware/v4l2-bench.js';

const makeBench = (format: 'MJPG' | 'YUYV') => async (test: TestContext) => {
  const bench = await makeV4l2Bench(test);
  bench.fake.format = format;
  bench.fake.hasTables = false;
  return bench;
};

cameraContract('v4l2, MJPEG without Huffman tables', makeBench('MJPG'));
cameraContract('v4l2, YUYV with padded rows', makeBench('YUYV'));
cameraRestartContract('v4l2', makeBench('MJPG'));
