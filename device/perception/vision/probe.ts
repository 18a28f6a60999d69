import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { type Answer, failed } from '../../kit/errors.js';
import {
  RUNTIMES,
  type RuntimeName,
  TFLITE_BINDINGS,
  TFLITE_TITLES,
  type TfLiteBinding,
} from '../inference/runtimes.js';
import type { VisionOptions } from './protocol.js';
import type { VisionInfo } from './vision.js';
import { VisionProcess } from './vision-process.js';

/** One runtime, with the options that select it. */
export interface RuntimeOption {
  readonly runtime: RuntimeName;
  readonly binding: TfLiteBinding | null;
  /** Display name, as in the chain's candidate: `tflite (LiteRT)`. */
  readonly title: string;
  /** Options for a vision process that tries only this runtime. */
  readonly options: VisionOptions;
}

/**
 * Returns all runtimes in the order of `auto`. A custom library is used only with the binding that it is configured
 * for.
 */
export const runtimeOptions = (options: VisionOptions): RuntimeOption[] =>
  RUNTIMES.flatMap((runtime): RuntimeOption[] => {
    const alone = { ...options, runtime, skip: [] };
    if (runtime !== 'tflite') return [{ runtime, binding: null, title: runtime, options: alone }];
    return TFLITE_BINDINGS.map((binding) => {
      const library = binding === options.tflite.binding ? options.tflite.library : null;
      return {
        runtime,
        binding,
        title: TFLITE_TITLES[binding],
        options: { ...alone, tflite: { binding, library } },
      };
    });
  });

export interface ProbeOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Maximum time from fork to ready, including the golden samples. */
  readonly deadlineMs: number;
}

/**
 * Starts a separate vision process, which opens a runtime and runs the golden samples, then ends it. The fault is
 * `vision-died` with the last output if the process crashed, `vision-timeout` if it hung, or the error of the runtime.
 */
export const probe = async (
  options: VisionOptions,
  { clock, log, deadlineMs }: ProbeOptions,
): Promise<Answer<VisionInfo>> => {
  const visionProcess = new VisionProcess(options, { startMs: deadlineMs, clock, log });
  try {
    const ready = await visionProcess.ready;
    const { triedRuntime } = visionProcess;
    if (ready.ok || ready.fault.code !== 'vision-timeout' || triedRuntime === null) return ready;
    return failed('vision-timeout', `${ready.fault.message} (${triedRuntime})`);
  } finally {
    await visionProcess.close();
  }
};
