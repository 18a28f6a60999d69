import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { type Answer, done, type Fault, failed } from '../../kit/errors.js';
import { type Bundle, loadBundle } from '../../perception/inference/bundle/bundle.js';
import { type ModelSlot, ModelSlotError } from '../../perception/model/model.js';
import { hasModel, type ProbeOptions, probe, type RuntimeOption } from '../../perception/vision/probe.js';
import type { VisionInfo } from '../../perception/vision/vision.js';
import { maxBytes } from './memory.js';

export interface RuntimeGateOptions {
  /** Returns the runtimes that the configuration allows, for the bundle in a folder. Empty: the vision is simulated. */
  readonly runtimesFor: (bundleFolder: string) => readonly RuntimeOption[];
  readonly slot: Pick<ModelSlot<unknown>, 'active' | 'suspend'>;
  /** Folder of the factory bundle. */
  readonly factoryFolder: string;
  /** Deadline of the start of a vision process (`vision.startMs`): one that needs longer would not become active. */
  readonly startMs: number;
  /** Deadline of the classification of an item (`cycle.classifyMs`). */
  readonly classifyMs: number;
  /** Niceness of a test, so that the active vision process and the daemon come first. Default: 10. */
  readonly nice?: number;
  readonly clock: Clock;
  readonly log: ProbeOptions['log'];
}

/** The result of one runtime that may be selected. */
export interface RuntimeResult {
  /** Display name: `tflite (LiteRT)`. */
  readonly title: string;
  /** Time of all inferences of one item. null: the runtime is not usable on this machine now. */
  readonly itemMs: number | null;
  /** Why it is not usable; null if it passed. */
  readonly reason: string | null;
}

type TestFault = 'check-golden' | 'check-slow' | 'check-postponed';

/** `bundle`, `machine`: what the fault comes from. `unknown`: only a comparison with another bundle shows it. */
type Cause = 'bundle' | 'machine' | 'unknown';

/** `value`: the time of an item. */
type Test =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly fault: Fault<TestFault>; readonly cause: Cause };

const NICE = 10;
/** Share of `classifyMs` for the inferences. The rest is for decoding, and for a machine that is busy. */
const INFERENCE_SHARE = 0.5;
/** Number of idle pauses in which the test of an accelerator is tried, and the time between them. */
const MAX_PAUSES = 3;
const BETWEEN_PAUSES_MS = 10_000;

/** Runs the golden samples of a bundle in each runtime that may be selected, one after the other. */
export class RuntimeGate {
  constructor(private readonly options: RuntimeGateOptions) {}

  /**
   * A runtime that fails is a reason to reject the bundle only if it works for the present bundle or for the factory
   * bundle now. Otherwise the reason is this machine: a library is not installed, an accelerator is not connected, or
   * the processor is busy. Then another runtime must pass.
   */
  async check(
    bundle: Bundle,
    options: readonly RuntimeOption[],
    signal: AbortSignal,
  ): Promise<Answer<readonly RuntimeResult[], TestFault>> {
    const results: RuntimeResult[] = [];
    for (const option of options) {
      let test = await this.#test(bundle, option, signal);
      if (!test.ok && (await this.#isCausedByBundle(test.cause, option, signal))) {
        // The machine may have been busier than during the test of the present bundle.
        if (test.fault.code === 'check-slow') test = await this.#test(bundle, option, signal);
        if (!test.ok) return { ok: false, fault: test.fault };
      }
      const { title } = option;
      results.push(
        test.ok
          ? { title, itemMs: test.value, reason: null }
          : { title, itemMs: null, reason: test.fault.message },
      );
    }
    if (results.some(({ reason }) => reason === null)) return done(results);
    const reasons = results.map(({ reason }) => reason).join(' / ');
    return failed('check-postponed', `no runtime works now, also not with the present bundle: ${reasons}`);
  }

  async #test(bundle: Bundle, option: RuntimeOption, signal: AbortSignal): Promise<Test> {
    const answer = await this.#probe(bundle, option, signal);
    signal.throwIfAborted();
    const { title } = option;
    const { startMs, classifyMs } = this.options;
    const fail = (code: TestFault, problem: string, cause: Cause): Test => ({
      ...failed(code, `${title}: ${problem}`),
      cause,
    });
    if (answer === 'postponed')
      return fail('check-postponed', `items came in ${MAX_PAUSES} idle pauses. Try again later.`, 'bundle');
    if (!answer.ok) {
      const { code, message } = answer.fault;
      if (code === 'vision-timeout')
        return fail('check-slow', `not ready within ${startMs} ms (vision.startMs)`, 'unknown');
      // These faults occur before the model is opened.
      if (code.startsWith('edgetpu-')) return fail('check-golden', message, 'machine');
      return fail('check-golden', message, code === 'vision-memory' ? 'bundle' : 'unknown');
    }
    const views = bundle.manifest.views.length;
    const itemMs = (answer.value.golden?.medianMs ?? 0) * views;
    const maxMs = INFERENCE_SHARE * classifyMs;
    if (itemMs <= maxMs) return done(itemMs);
    return fail(
      'check-slow',
      `the inferences of an item (${views}) take ${Math.round(itemMs)} ms, ` +
        `but at most ${maxMs} ms are allowed (half of cycle.classifyMs)`,
      'unknown',
    );
  }

  async #isCausedByBundle(
    cause: Cause,
    { runtime, title }: RuntimeOption,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (cause !== 'unknown') return cause === 'bundle';
    const { slot, factoryFolder, runtimesFor } = this.options;
    const { bundle, info } = slot.active;
    // Items prove it. Another pause would only cost time.
    if (runtime === 'edgetpu' && info.title === title) return true;
    for (const folder of new Set([bundle.folder, factoryFolder])) {
      const other = await loadBundle(folder).catch(() => null);
      const option = runtimesFor(folder).find((one) => one.title === title);
      if (!other || !option || !hasModel(other.manifest, option)) continue;
      if ((await this.#test(other, option, signal)).ok) return true;
    }
    return false;
  }

  /** An Edge TPU is exclusive: the active model must not use it at the same time. */
  async #probe(
    bundle: Bundle,
    option: RuntimeOption,
    signal: AbortSignal,
  ): Promise<Answer<VisionInfo> | 'postponed'> {
    const isExclusive = () =>
      option.runtime === 'edgetpu' && this.options.slot.active.info.runtime.name === 'edgetpu';
    for (let pauses = 0; isExclusive(); pauses++) {
      if (pauses === MAX_PAUSES) return 'postponed';
      if (pauses > 0) await sleep(this.options.clock, BETWEEN_PAUSES_MS, signal);
      const answer = await this.#probeInPause(bundle, option, signal);
      if (answer) return answer;
    }
    return this.#probeNow(bundle, option, signal);
  }

  /** Returns null if an item came before or during the test. */
  async #probeInPause(
    bundle: Bundle,
    option: RuntimeOption,
    signal: AbortSignal,
  ): Promise<Answer<VisionInfo> | null> {
    try {
      return await this.options.slot.suspend(async (arrival) => {
        const answer = await this.#probeNow(bundle, option, AbortSignal.any([signal, arrival]));
        return arrival.aborted ? null : answer;
      });
    } catch (thrown) {
      if (thrown instanceof ModelSlotError) return null;
      throw thrown;
    }
  }

  #probeNow(
    { manifest }: Bundle,
    { runtime, options }: RuntimeOption,
    signal: AbortSignal,
  ): Promise<Answer<VisionInfo>> {
    const { clock, log, startMs, nice = NICE } = this.options;
    // The process must not set its niceness again, because it may not lower it.
    const background = { nice: Math.max(nice, options.nice), maxBytes: maxBytes(manifest, runtime) };
    return probe({ ...options, nice: 0 }, { clock, log, deadlineMs: startMs, signal, background });
  }
}
