import type { Config } from '../../config/schema.js';
import type { Clock } from '../../kit/clock.js';
import { SortbinError } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import type { Prompt } from './prompt.js';

/** Changes of a configuration, as a JSON merge patch (RFC 7396): null removes a key, so that its default applies. */
export interface Patch {
  readonly [key: string]: unknown;
}

export const STEP_NAMES = ['bin', 'camera', 'sensor', 'compartments', 'gate', 'broker', 'test'] as const;
export type StepName = (typeof STEP_NAMES)[number];

/** What a step works with. */
export interface StepContext {
  /** In `ask`: the present configuration. In `check`: the new one. */
  readonly config: Config;
  /** The folder of the configuration file, for relative paths. */
  readonly folder: string;
  /** null: no terminal, so that a check asks nothing. */
  readonly prompt: Prompt | null;
  readonly say: (text: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Loads the bundle of the configuration. @throws BundleError */
  readonly bundle: () => Promise<Bundle>;
}

/** The context of `ask`, which has a terminal. */
export type AskContext = StepContext & {
  readonly prompt: Prompt;
  /** Returns why the value of a key, dotted, is not allowed after a change. null: it is allowed. */
  problemOf(patch: Patch, key: string): string | null;
};

/** One step of the setup: one subject of the configuration. */
export interface Step {
  readonly name: StepName;
  readonly title: string;
  /** What the step is for, for a person. */
  readonly intro: string;
  /** The part of the configuration that the step changes. null: none. */
  readonly section: keyof Config | null;
  /** The present state in one line. */
  summary(config: Config): string;
  /** Asks for the values. @throws SortbinError if nothing can be chosen */
  ask(context: AskContext): Promise<Patch>;
  /**
   * Tries the new configuration on this machine. Returns further changes, such as calibrated positions.
   * @throws SortbinError with the reason and the fix
   */
  check(context: StepContext): Promise<Patch>;
}

/**
 * `setup-camera`: the camera delivers no usable image. `setup-no-item`: the sensor detected no item. `setup-broker`: the
 * broker cannot be used. `setup-item`: the test item was not sorted. `setup-file`: the configuration file cannot be changed.
 * `setup-answer`: an answer on the command line has the wrong form.
 */
export type SetupErrorCode =
  | 'setup-camera'
  | 'setup-no-item'
  | 'setup-broker'
  | 'setup-item'
  | 'setup-file'
  | 'setup-answer';

export class SetupError extends SortbinError<SetupErrorCode> {
  override readonly name = 'SetupError';
}

/** The end of one step. `unchanged`: the file has the values already. `failed`: its check has failed. */
export type Outcome = 'done' | 'unchanged' | 'skipped' | 'failed';

/** The report about one step. */
export interface StepReport {
  readonly step: StepName;
  readonly outcome: Outcome;
  /** Whether the machine was tried. */
  readonly checked: boolean;
  /** Lines that the check printed. */
  readonly lines: readonly string[];
  /** The fault of a failed check. */
  readonly fault?: { readonly code: string; readonly message: string };
}

export const isMapping = (value: unknown): value is Patch =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns a patch with the changes of both. Those of `second` win. */
export const mergePatches = (first: Patch, second: Patch): Patch => {
  const merged: Record<string, unknown> = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const present = merged[key];
    merged[key] = isMapping(present) && isMapping(value) ? mergePatches(present, value) : value;
  }
  return merged;
};
