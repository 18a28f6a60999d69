import { cameraContract } from '../../../contract/camera-contract.js';
import { makeV4l2Bench } from '../../../support/hardware/v4l2-bench.js';

cameraContract('v4l2, MJPEG without Huffman tables', async (test) => {
  const bench = await makeV4l2Bench(test);
  bench.fake.hasTables = false;
  return bench;
});
