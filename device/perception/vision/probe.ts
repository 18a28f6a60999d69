import type { Logger } from 'pino';
import { runInBackground, watchMemory } from '../../kit/background-process.js';
import type { Clock } from '../../kit/clock.js';
import { type Answer, failed } from '../../kit/errors.js';
import type { Manifest } from '../inference/bundle/manifest.js';
import {
  MODEL_OF,
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

/** Returns whether the configuration of vision allows a runtime. */
export const isAllowed = (
  { runtime, binding }: RuntimeOption,
  vision: { readonly runtime: VisionOptions['runtime']; readonly tflite: { readonly binding: string } },
): boolean =>
  (vision.runtime === 'auto' || vision.runtime === runtime) &&
  (binding === null || vision.tflite.binding === 'auto' || vision.tflite.binding === binding);

/** Returns whether a bundle has a model for a runtime. */
export const hasModel = ({ runtimes }: Pick<Manifest, 'runtimes'>, { runtime }: RuntimeOption): boolean =>
  runtimes[MODEL_OF[runtime]] !== undefined;

export interface ProbeOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Maximum time from fork to ready, including the golden samples. */
  readonly deadlineMs: number;
  /** Ends the process when it is aborted. */
  readonly signal?: AbortSignal;
  /** Keeps the process from disturbing others. `maxBytes`: resident memory, above which it is killed. */
  readonly background?: { readonly nice: number; readonly maxBytes: number };
}

/**
 * Starts a separate vision process, which opens a runtime and runs the golden samples, then ends it. Faults:
 * - `vision-died`: the process crashed. The message has its last output.
 * - `vision-timeout`: it hung
 * - `vision-memory`: it needed too much memory
 * - the error of the runtime
 */
export const probe = async (
  options: VisionOptions,
  { clock, log, deadlineMs, signal, background }: ProbeOptions,
): Promise<Answer<VisionInfo>> => {
  const visionProcess = new VisionProcess(options, { startMs: deadlineMs, signal, clock, log });
  const { pid } = visionProcess;
  let endWatch = () => {};
  if (background && pid !== undefined) {
    logRefused(log, runInBackground(pid, background.nice));
    endWatch = watchMemory(clock, pid, background.maxBytes, (bytes) => {
      const reason = `needed ${toMb(bytes)} MB of memory, but at most ${toMb(background.maxBytes)} MB are allowed`;
      visionProcess.kill(reason, 'vision-memory');
    });
  }
  try {
    const ready = await visionProcess.ready;
    const { triedRuntime } = visionProcess;
    if (ready.ok || ready.fault.code !== 'vision-timeout' || triedRuntime === null) return ready;
    return failed('vision-timeout', `${ready.fault.message} (${triedRuntime})`);
  } finally {
    endWatch();
    await visionProcess.close();
  }
};

const toMb = (bytes: number): number => Math.round(bytes / 1e6);

/** The logs that have the line already. The reason, such as a sandbox, does not change while the program runs. */
const informed = new WeakSet<Logger>();

const logRefused = (log: Logger, refused: readonly string[]): void => {
  if (refused.length === 0 || informed.has(log)) return;
  informed.add(log);
  log.info({ refused }, 'vision: a model is tested without a lower priority, because the system refuses it');
};
