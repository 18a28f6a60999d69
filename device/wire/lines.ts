import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { InputRules, LineFault, LineRef, Lines, OutputRules } from '../hardware/lines/lines.js';
import { SimulatedLines } from '../hardware/lines/simulated/simulated-lines.js';
import { SortbinIoLines } from '../hardware/lines/sortbin-io/sortbin-io-lines.js';
import { SysfsLines } from '../hardware/lines/sysfs/sysfs-lines.js';
import type { Clock } from '../kit/clock.js';
import { type Answer, SortbinError } from '../kit/errors.js';
import { findLibrary } from '../perception/inference/native.js';

export interface LinesContext {
  readonly config: Pick<Config, 'lines'>;
  readonly folder: string;
  /** The list of outputs for `sortbin-io --safe`. If it is undefined, no list is written. */
  readonly outputsFile?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Starts the driver of the lines at the first use. A bin without lines starts none. */
export class LinesOnDemand {
  #lines: Promise<Lines> | null = null;

  /** An abort of `signal` ends the start of the driver. */
  constructor(
    private readonly context: LinesContext,
    private readonly signal: AbortSignal,
  ) {}

  get driver(): Config['lines']['driver'] {
    return this.context.config.lines.driver;
  }

  /** @throws SortbinError if this machine has no usable lines; the signal's reason */
  get(): Promise<Lines> {
    this.#lines ??= this.#start();
    return this.#lines;
  }

  /** Returns null if no part has used the lines. */
  async started(): Promise<Lines | null> {
    return this.#lines;
  }

  async close(): Promise<void> {
    const lines = await this.#lines?.catch(() => null);
    await lines?.close();
  }

  async #start(): Promise<Lines> {
    const lines = await makeLines(this.context);
    try {
      await lines.start(this.signal);
      return lines;
    } catch (thrown) {
      await lines.close();
      throw thrown;
    }
  }
}

/**
 * Returns the path of sortbin-io.
 * @throws NativeError if there is none for this machine, or it is damaged
 */
export const ioProgram = async ({
  config,
  folder,
}: Pick<LinesContext, 'config' | 'folder'>): Promise<string> => {
  const program = config.lines.driver === 'simulated' ? null : config.lines.program;
  return program === null ? findLibrary({ name: 'sortbin-io' }) : resolve(folder, program);
};

const makeLines = async ({ config, folder, ...rest }: LinesContext): Promise<Lines> => {
  const { lines } = config;
  if (lines.driver === 'simulated') return new SimulatedLines(rest);
  const { answerMs, leaseMs } = lines;
  const path = await ioProgram({ config, folder });
  const options = { path, answerMs, leaseMs, ...rest };
  return lines.driver === 'onoff' ? new SysfsLines(options) : new SortbinIoLines(options);
};

/**
 * Returns the value of an answer.
 * @throws SortbinError with the fault of the line
 */
export const unwrap = <T>(answer: Answer<T, LineFault>): T => {
  if (answer.ok) return answer.value;
  throw new SortbinError(answer.fault.code, answer.fault.message);
};

interface LineRefConfig {
  readonly chip: string | null;
  readonly offset: number;
  readonly line: string | null;
}
export type LineConfig<Rules> = LineRefConfig & Rules;
export type InputConfig = Omit<InputRules, 'at'>;
export type OutputConfig = Pick<OutputRules, 'activeLow' | 'maxOnMs' | 'minOffMs'>;

const lineRefOf = ({ chip, offset, line }: LineRefConfig): LineRef =>
  line === null ? { chip: chip ?? '', offset } : { line };

export const inputRules = (config: LineConfig<InputConfig>): InputRules => {
  const { bias, activeLow, debounceMs } = config;
  return { at: lineRefOf(config), bias, activeLow, debounceMs };
};

export const outputRules = (config: LineConfig<OutputConfig>) => {
  const { activeLow, maxOnMs, minOffMs } = config;
  return { at: lineRefOf(config), activeLow, maxOnMs, minOffMs };
};
