// Runs in the unpacked arm64 package: each runtime passes its golden samples and classifies an image, in one process.
import { readFile } from 'node:fs/promises';
import { SystemClock } from './dist/device/kit/clock.js';
import { Classifier } from './dist/device/perception/vision/classifier.js';

const folder = new URL('.', import.meta.url).pathname;
const image = await readFile(`${folder}deploy/model/golden/paper26.jpg`);
for (const [runtime, binding] of [
  ['tflite', 'litert'],
  ['tflite', 'tensorflowlite'],
  ['tfjs-wasm', 'auto'],
]) {
  const classifier = await Classifier.open(
    {
      bundle: `${folder}deploy/model`,
      runtime,
      threads: 1,
      tflite: { binding, library: null },
      edgetpu: { library: 'libedgetpu.so.1', device: 'auto', performance: null },
      nice: 0,
      cpus: null,
      skip: [],
    },
    new SystemClock(),
  );
  const answer = await classifier.classify(image);
  if (!answer.ok || answer.value.label !== 'paper')
    throw new Error(`${classifier.info.title}: ${JSON.stringify(answer)}`);
  process.stdout.write(`${classifier.info.title}: ${answer.value.label}\n`);
  await classifier.close();
}
