import type { FaultTexts } from './fault-text.js';

/** Errors of a bundle and of the runtimes. They end the start, or are the reason why a runtime is skipped. */
export const MODEL_FAULTS = {
  'bundle-missing': {
    meaning: 'There is no such folder, or no manifest in it.',
    cure: 'Correct `model.bundle`.',
  },
  'bundle-invalid': {
    meaning: 'The manifest contradicts the format or itself.',
    cure: 'Export the bundle again.',
    page: 'formats.md#bundle',
  },
  'bundle-damaged': {
    meaning: 'A file differs from the manifest.',
    cure: 'Copy the bundle again.',
  },
  'bundle-incompatible': {
    meaning: 'The bundle is well-formed, but not for this version or this runtime.',
    cure: 'Use a bundle for this version, or update the program.',
  },
  'golden-picture': {
    meaning: 'A golden sample is missing or damaged.',
    cure: 'Copy the bundle again.',
  },
  'golden-input': {
    meaning: 'A golden sample cannot be decoded or resized.',
    cure: 'Copy the bundle again.',
  },
  'golden-output': {
    meaning: 'The runtime returns other outputs than expected. It is skipped.',
    cure: 'Run `sortbin doctor`. If each runtime fails, copy the bundle again.',
  },
  'no-runtime': {
    meaning: 'Every runtime was skipped. The message states why for each.',
    cure: 'Run `sortbin doctor`.',
  },
  barred: {
    meaning: 'The runtime failed too often. It is tried again later.',
    cure: 'Run `sortbin doctor`.',
  },
  'native-unsupported': {
    meaning: 'There is no library for this platform, or a wrong version of it.',
    cure: 'Use 64-bit Linux on x64 or arm64.',
  },
  'native-damaged': {
    meaning: 'A library differs from its manifest, or cannot be loaded.',
    cure: 'Install sortbin again.',
  },
  'model-invalid': {
    meaning: 'The runtime does not accept the model file.',
    cure: 'Copy the bundle again, or use another runtime.',
  },
  'input-invalid': {
    meaning: 'The runtime received an input of the wrong size or type.',
    cure: 'Export the bundle again.',
  },
  'invoke-failed': {
    meaning: 'A run of the model failed.',
    cure: 'Follow the message. Run `sortbin doctor`.',
  },
  'output-invalid': {
    meaning: 'The model gave an output that is not usable.',
    cure: 'Export the bundle again.',
  },
  'edgetpu-library-missing': {
    meaning: 'The library of the Coral Edge TPU is not installed.',
    cure: 'Install `libedgetpu1-std`.',
    page: 'coral.md#common-errors',
  },
  'edgetpu-no-device': {
    meaning: 'No Edge TPU is connected.',
    cure: 'Check the USB cable and the power supply.',
    page: 'coral.md#common-errors',
  },
  'edgetpu-refused': {
    meaning: 'The Edge TPU did not accept the model or the connection.',
    cure: 'Plug it in again. Check its permissions.',
    page: 'coral.md#common-errors',
  },
  'tfjs-node-missing': {
    meaning: 'The package @tensorflow/tfjs-node is not installed or cannot be loaded.',
    cure: 'Nothing, if another runtime works.',
    page: 'tensorflow-js.md#common-errors',
  },
  'tfjs-node-memory': {
    meaning: 'This machine has too little memory for tfjs-node.',
    cure: 'Use another runtime.',
    page: 'tensorflow-js.md#common-errors',
  },
} as const satisfies FaultTexts;
