import { openLiteRt } from '../../../device/perception/inference/litert/litert.js';
import { findLibrary } from '../../../device/perception/inference/native.js';
import { openTfLite } from '../../../device/perception/inference/tflite/tflite.js';
import { interpreterContract } from '../../contract/interpreter-contract.js';

const litert = await findLibrary({ name: 'litert' });
interpreterContract('LiteRT', (model, threads) => openLiteRt({ library: litert, model, threads }));

const tensorflowlite = await findLibrary({ name: 'tensorflowlite-c' });
interpreterContract('TensorFlow Lite', (model, threads) =>
  openTfLite({ library: tensorflowlite, model, threads }),
);
interpreterContract('TensorFlow Lite, builtin kernels', (model, threads) =>
  openTfLite({ library: tensorflowlite, model, threads, kernels: 'builtin' }),
);
