import { messageOf, SortbinError } from '../../kit/errors.js';
import { type Bundle, BundleError } from './bundle/bundle.js';
import type { BundleRuntime } from './bundle/manifest.js';
import { type GoldenFault, type GoldenPass, type Prepare, passGolden } from './golden/golden.js';
import type { Interpreter } from './interpreter.js';
import { MODEL_OF, type RuntimeName, type SkippedRuntime } from './runtimes.js';

/** The bundle or the decoder is at fault, whatever runtime were tried. */
export class GoldenError extends SortbinError<GoldenFault> {
  override readonly name = 'GoldenError';
}

/** `no-runtime`: each of several candidates was passed over. */
export class ChainError extends SortbinError<'no-runtime' | 'bundle-incompatible'> {
  override readonly name = 'ChainError';
}

/** One way of executing a bundle's model. */
export interface Candidate {
  readonly runtime: RuntimeName;
  /** What people read: `edgetpu`, `tflite (LiteRT)`. */
  readonly title: string;
  /** @throws SortbinError where this machine or this model does not allow it */
  open(bundle: Bundle): Promise<Interpreter>;
}

/** A candidate that has passed the golden samples. */
export interface ActiveRuntime {
  readonly candidate: Candidate;
  /** Which of the bundle's models runs. */
  readonly model: BundleRuntime;
  readonly interpreter: Interpreter;
  readonly golden: GoldenPass;
  readonly skipped: readonly SkippedRuntime[];
}

export interface ChainOptions {
  /** In the order in which they are tried. */
  readonly candidates: readonly Candidate[];
  /** Not tried, unless nothing else is left. */
  readonly skip: readonly SkippedRuntime[];
  readonly prepare: Prepare;
  readonly monotonicMs: () => number;
  /** Called before each attempt: native code may take the process with it. */
  readonly onTry?: (candidate: Candidate) => void;
}

/**
 * Opens the first candidate that passes the bundle's golden samples.
 * @throws GoldenError where the fault is not a runtime's, ChainError, or what the only candidate threw
 */
export const openFirst = async (bundle: Bundle, options: ChainOptions): Promise<ActiveRuntime> => {
  const { skip, onTry } = options;
  const skipReason = ({ title }: Candidate) => skip.find(({ runtime }) => runtime === title);
  const areAllSkipped = options.candidates.every(skipReason);
  const skipped: SkippedRuntime[] = [];
  let only: unknown = null;
  for (const candidate of options.candidates) {
    const { runtime, title } = candidate;
    const reason = areAllSkipped ? undefined : skipReason(candidate);
    if (reason) {
      skipped.push(reason);
      continue;
    }
    try {
      const file = bundle.manifest.runtimes[MODEL_OF[runtime]];
      if (!file) throw new ChainError('bundle-incompatible', lacks(bundle, runtime));
      onTry?.(candidate);
      return { ...(await open(bundle, candidate, options)), skipped };
    } catch (thrown) {
      if (thrown instanceof BundleError) throw thrown;
      if (thrown instanceof GoldenError && thrown.code !== 'golden-output') throw thrown;
      only = thrown;
      const code = thrown instanceof SortbinError ? thrown.code : undefined;
      skipped.push({ runtime: title, why: messageOf(thrown), ...(code === undefined ? {} : { code }) });
    }
  }
  if (options.candidates.length === 1) throw only;
  const { name, version } = bundle.manifest;
  const reasons = skipped.map(({ runtime, why }) => `${runtime}: ${why}`).join('; ');
  throw new ChainError('no-runtime', `no runtime serves bundle ${name} ${version}: ${reasons}`);
};

const open = async (
  bundle: Bundle,
  candidate: Candidate,
  { prepare, monotonicMs }: ChainOptions,
): Promise<Omit<ActiveRuntime, 'skipped'>> => {
  const interpreter = await candidate.open(bundle);
  const model = MODEL_OF[candidate.runtime];
  try {
    const golden = await passGolden(bundle, model, interpreter, prepare, monotonicMs);
    if (!golden.ok) throw new GoldenError(golden.fault.code, golden.fault.message);
    return { candidate, model, interpreter, golden: golden.value };
  } catch (thrown) {
    await interpreter.close();
    throw thrown;
  }
};

const lacks = ({ manifest }: Bundle, runtime: RuntimeName): string => {
  const present = Object.entries(manifest.runtimes).flatMap(([name, file]) => (file ? [name] : []));
  const model = MODEL_OF[runtime];
  return `bundle ${manifest.name} ${manifest.version} has no model for ${model}, only for ${present.join(', ')}; install one that has`;
};
