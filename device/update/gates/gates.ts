import { basename } from 'node:path';
import { type Answer, done, failed, SortbinError } from '../../kit/errors.js';
import { type Bundle, loadBundle } from '../../perception/inference/bundle/bundle.js';
import { hasModel, type RuntimeOption } from '../../perception/vision/probe.js';
import { textOf } from '../bundle-id.js';
import { neededBytes } from './memory.js';
import { RuntimeGate, type RuntimeGateOptions, type RuntimeResult } from './runtime-gate.js';

/**
 * - `check-bundle`: a file is missing, damaged or invalid, or the id is another one
 * - `check-policy`: the labels do not fit the policy, or the gate of the bin has no route
 * - `check-runtime`: the bundle has no model for a runtime that the configuration allows
 * - `check-memory`: the memory that is available now is too small for a second vision process
 * - `check-golden`: a runtime that works on this machine does not pass the golden samples, ends or needs too much memory
 * - `check-slow`: an item would take too long
 * - `check-postponed`: the check could not be made now. It says nothing about the bundle.
 */
export type GateFault =
  | 'check-bundle'
  | 'check-policy'
  | 'check-runtime'
  | 'check-memory'
  | 'check-golden'
  | 'check-slow'
  | 'check-postponed';

/** What the gates found out about a bundle that may become active. Empty if the vision is simulated. */
export interface GateReport {
  readonly runtimes: readonly RuntimeResult[];
}

/** Checks an installed bundle before it may become active. */
export interface Gates {
  /**
   * Checks the bundle of a slot: a folder that is named after the id of its bundle, such as `waste12@1.4.0`. The bin
   * sorts on. Rejects with the signal's reason.
   */
  check(folder: string, signal: AbortSignal): Promise<Answer<GateReport, GateFault>>;
}

export interface GatesOptions extends RuntimeGateOptions {
  /**
   * Makes the policy of a bundle for this bin.
   * @throws SortbinError if a label has no compartment, or a compartment no route
   */
  readonly makePolicy: (bundle: Bundle) => unknown;
  /** Returns the memory that is available without swapping (MemAvailable of /proc/meminfo), in bytes. */
  readonly freeBytes: () => number;
}

/** The gates in the order of their cost. The first one that fails ends the check. */
export class BundleGates implements Gates {
  readonly #runtimeGate: RuntimeGate;

  constructor(private readonly options: GatesOptions) {
    this.#runtimeGate = new RuntimeGate(options);
  }

  async check(folder: string, signal: AbortSignal): Promise<Answer<GateReport, GateFault>> {
    signal.throwIfAborted();
    const loaded = await loadSlot(folder);
    if (!loaded.ok) return loaded;
    const bundle = loaded.value;
    const policy = this.#checkPolicy(bundle);
    if (!policy.ok) return policy;
    const allowed = this.options.runtimesFor(bundle.folder);
    if (allowed.length === 0) return done({ runtimes: [] });
    const options = allowed.filter((option) => hasModel(bundle.manifest, option));
    if (options.length === 0) return failed('check-runtime', noModel(bundle, allowed));
    const [fitting, others] = this.#byMemory(bundle, options);
    if (fitting.length === 0) return failed('check-memory', others.map(({ reason }) => reason).join(' / '));
    const tested = await this.#runtimeGate.check(bundle, fitting, signal);
    return tested.ok ? done({ runtimes: [...tested.value, ...others] }) : tested;
  }

  #checkPolicy(bundle: Bundle): Answer<void, GateFault> {
    try {
      this.options.makePolicy(bundle);
      return done(undefined);
    } catch (thrown) {
      if (!(thrown instanceof SortbinError)) throw thrown;
      return failed('check-policy', `${idOf(bundle)}: ${thrown.message}`);
    }
  }

  /** Returns the runtimes for which there is enough memory, and results for the others. */
  #byMemory(
    { manifest }: Bundle,
    options: readonly RuntimeOption[],
  ): [fitting: RuntimeOption[], others: RuntimeResult[]] {
    const freeBytes = this.options.freeBytes();
    const fits = ({ runtime }: RuntimeOption) => neededBytes(manifest, runtime) <= freeBytes;
    const others = options
      .filter((option) => !fits(option))
      .map(({ title, runtime }) => {
        const [needed, free] = [neededBytes(manifest, runtime), freeBytes].map((b) => Math.ceil(b / 1e6));
        const reason = `${title}: a second vision process needs about ${needed} MB, but ${free} MB are available`;
        return { title, itemMs: null, reason };
      });
    return [options.filter(fits), others];
  }
}

/**
 * Loads the bundle of a slot. Files that the manifest does not name, such as licence notices, are allowed: the store
 * compares a slot with the signed list of its files, and nothing reads the others.
 */
const loadSlot = async (folder: string): Promise<Answer<Bundle, GateFault>> => {
  try {
    const bundle = await loadBundle(folder);
    const [expected, found] = [basename(bundle.folder), idOf(bundle)];
    if (found === expected) return done(bundle);
    return failed('check-bundle', `manifest.json: the bundle is ${found}, but ${expected} was asked for`);
  } catch (thrown) {
    if (!(thrown instanceof SortbinError)) throw thrown;
    return failed('check-bundle', thrown.message);
  }
};

const idOf = ({ manifest }: Bundle): string => textOf(manifest);

const noModel = (bundle: Bundle, allowed: readonly RuntimeOption[]): string => {
  const present = Object.entries(bundle.manifest.runtimes).flatMap(([name, file]) => (file ? [name] : []));
  const titles = allowed.map(({ title }) => title).join(', ');
  return `${idOf(bundle)}: it has models for ${present.join(', ')}, but vision.runtime allows only ${titles}`;
};
