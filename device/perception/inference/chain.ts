import { messageOf, SortbinError } from '../../kit/errors.js';
import { type Bundle, BundleError } from './bundle/bundle.js';
import type { BundleRuntime } from './bundle/manifest.js';
import { checkGoldenSamples, type GoldenFault, type GoldenResult } from './golden/golden.js';
import type { Prepare } from './golden/inputs.js';
import type { Interpreter } from './interpreter.js';
import { MODEL_OF, type RuntimeName, type SkippedRuntime } from './runtimes.js';

/** A golden sample was not passed. */
export class GoldenError extends SortbinError<GoldenFault> {
  override readonly name = 'GoldenError';
}

/**
 * - `no-runtime`: each of several candidates was skipped
 * - `bundle-incompatible`: the bundle has no model for the runtime
 */
export class ChainError extends SortbinError<'no-runtime' | 'bundle-incompatible'> {
  override readonly name = 'ChainError';
}

/** A runtime that may be able to execute the bundle's model. */
export interface Candidate {
  readonly runtime: RuntimeName;
  /** Display name: `edgetpu`, `tflite (LiteRT)`. */
  readonly title: string;
  /** @throws SortbinError if this machine or the model does not allow it */
  open(bundle: Bundle): Promise<Interpreter>;
}

/** The candidate that has passed the golden samples. */
export interface ActiveRuntime {
  readonly candidate: Candidate;
  /** The model of the bundle that it executes. */
  readonly model: BundleRuntime;
  readonly interpreter: Interpreter;
  readonly golden: GoldenResult;
  readonly skipped: readonly SkippedRuntime[];
}

export interface ChainOptions {
  /** In the order in which to try them. */
  readonly candidates: readonly Candidate[];
  /** Runtimes to skip, unless this would skip all candidates. */
  readonly skip: readonly SkippedRuntime[];
  readonly prepare: Prepare;
  readonly monotonicMs: () => number;
  /** Called before each attempt, because native code may end the process. */
  readonly onTry?: (candidate: Candidate) => void;
}

/**
 * Opens the first candidate that passes the bundle's golden samples.
 * @throws GoldenError if a sample itself fails, whichever runtime is tried
 * @throws BundleError, ChainError, or the error of the candidate if there is only one
 */
export const openFirst = async (bundle: Bundle, options: ChainOptions): Promise<ActiveRuntime> => {
  const { skip, onTry } = options;
  const skipReason = ({ title }: Candidate) => skip.find(({ runtime }) => runtime === title);
  const areAllSkipped = options.candidates.every(skipReason);
  const skipped: SkippedRuntime[] = [];
  let lastError: unknown = null;
  for (const candidate of options.candidates) {
    const { runtime, title } = candidate;
    const reason = areAllSkipped ? undefined : skipReason(candidate);
    if (reason) {
      skipped.push(reason);
      continue;
    }
    try {
      const file = bundle.manifest.runtimes[MODEL_OF[runtime]];
      if (!file) throw new ChainError('bundle-incompatible', missingModel(bundle, runtime));
      onTry?.(candidate);
      return { ...(await open(bundle, candidate, options)), skipped };
    } catch (thrown) {
      if (thrown instanceof BundleError) throw thrown;
      if (thrown instanceof GoldenError && thrown.code !== 'golden-output') throw thrown;
      lastError = thrown;
      const code = thrown instanceof SortbinError ? thrown.code : undefined;
      skipped.push({ runtime: title, why: messageOf(thrown), ...(code === undefined ? {} : { code }) });
    }
  }
  if (options.candidates.length === 1) throw lastError;
  const { name, version } = bundle.manifest;
  const reasons = skipped.map(({ runtime, why }) => `${runtime}: ${why}`).join(' / ');
  throw new ChainError('no-runtime', `bundle ${name} ${version}: no usable runtime. ${reasons}`);
};

const open = async (
  bundle: Bundle,
  candidate: Candidate,
  { prepare, monotonicMs }: ChainOptions,
): Promise<Omit<ActiveRuntime, 'skipped'>> => {
  const interpreter = await candidate.open(bundle);
  const model = MODEL_OF[candidate.runtime];
  try {
    const golden = await checkGoldenSamples(bundle, model, interpreter, prepare, monotonicMs);
    if (!golden.ok) throw new GoldenError(golden.fault.code, golden.fault.message);
    return { candidate, model, interpreter, golden: golden.value };
  } catch (thrown) {
    await interpreter.close();
    throw thrown;
  }
};

const missingModel = ({ manifest }: Bundle, runtime: RuntimeName): string => {
  const present = Object.entries(manifest.runtimes).flatMap(([name, file]) => (file ? [name] : []));
  const model = MODEL_OF[runtime];
  return `bundle ${manifest.name} ${manifest.version}: no model for ${model}. Available are ${present.join(', ')}. Install a bundle that has one.`;
};
