import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { type Answer, failed, messageOf } from '../../kit/errors.js';
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

/** One way of executing a model, whatever the options ask for. */
export interface RuntimeOption {
  readonly runtime: RuntimeName;
  readonly binding: TfLiteBinding | null;
  /** What people read, as the chain's candidate has it: `tflite (LiteRT)`. */
  readonly title: string;
  /** What has a child try this one alone. */
  readonly serve: VisionOptions;
}

/** Every way there is, in the order of `auto`. A library of the owner's own stays with the binding that it is for. */
export const runtimeOptions = (serve: VisionOptions): RuntimeOption[] =>
  RUNTIMES.flatMap((runtime): RuntimeOption[] => {
    const alone = { ...serve, runtime, skip: [] };
    if (runtime !== 'tflite') return [{ runtime, binding: null, title: runtime, serve: alone }];
    return TFLITE_BINDINGS.map((binding) => {
      const library = binding === serve.tflite.binding ? serve.tflite.library : null;
      return {
        runtime,
        binding,
        title: TFLITE_TITLES[binding],
        serve: { ...alone, tflite: { binding, library } },
      };
    });
  });

export interface ProbeOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** From fork to ready, golden samples included. */
  readonly deadlineMs: number;
}

/**
 * Has a child of its own open what `serve` names and pass the golden samples, then ends it. What crashes or hangs there
 * is a fault here: `vision-died` with the child's last words, `vision-timeout`; else the code with which it was refused.
 */
export const probe = async (
  serve: VisionOptions,
  { clock, log, deadlineMs }: ProbeOptions,
): Promise<Answer<VisionInfo>> => {
  let child: VisionProcess;
  try {
    child = new VisionProcess(serve, log);
  } catch (thrown) {
    return failed('vision-died', `the vision child cannot be forked: ${messageOf(thrown)}`);
  }
  try {
    return await withDeadline(clock, deadlineMs, () => child.ready);
  } catch (thrown) {
    const at = child.trying === null ? '' : `, in ${child.trying}`;
    return failed('vision-timeout', `the vision child is not ready: ${messageOf(thrown)}${at}`);
  } finally {
    await child.close(clock);
  }
};
