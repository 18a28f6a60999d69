// Runs in the unpacked arm64 package: LiteRT passes its golden samples and classifies an image, in one process.
// `npm run test:arm64` tests the other runtimes, which need minutes in qemu.
import { readFile } from 'node:fs/promises';
import { SystemClock } from './dist/device/kit/clock.js';
import { Classifier } from './dist/device/perception/vision/classifier.js';

const folder = new URL('.', import.meta.url).pathname;
const options = {
  bundle: `${folder}deploy/model`,
  runtime: 'tflite',
  threads: 1,
  tflite: { binding: 'litert', library: null },
  edgetpu: { library: 'libedgetpu.so.1', device: 'auto', performance: null },
  nice: 0,
  cpus: null,
  skip: [],
};
const classifier = await Classifier.open(options, new SystemClock());
const answer = await classifier.classify(await readFile(`${folder}deploy/model/golden/paper26.jpg`));
if (!answer.ok || answer.value.label !== 'paper') throw new Error(JSON.stringify(answer));
process.stdout.write(`${classifier.info.title}: ${answer.value.label}\n`);
await classifier.close();
