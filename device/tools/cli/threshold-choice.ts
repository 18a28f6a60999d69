import { parseConfig } from '../../config/load.js';
import { decidingThreshold, type Policy } from '../../cycle/policy.js';
import { SortbinError } from '../../kit/errors.js';
import { plain } from '../../kit/plain-text.js';
import type { Change } from '../calibrate/calibrate.js';
import { checkChanges, type SaveOptions, saveChanges } from '../calibrate/save.js';
import { uselessConfidence } from '../doctor/model-fit.js';
import type { CommandConfig } from './loaded-config.js';

/** The values that `bench --set-confidence` writes into the configuration. */
export class ThresholdChoice {
  readonly #options: SaveOptions;

  constructor(
    { config, source }: CommandConfig,
    private readonly confidence: number,
    private readonly margin: number | undefined,
  ) {
    const { policy } = config;
    const changes: Change[] = [
      { path: ['policy', 'confidence'], from: policy.confidence, to: confidence },
      ...(margin === undefined ? [] : [{ path: ['policy', 'margin'], from: policy.margin, to: margin }]),
    ];
    this.#options = { file: source, changes, parse: (text) => parseConfig(text, source) };
  }

  /** Checks before the work that the values can be written. @throws SortbinError if they cannot */
  async checkFile(): Promise<void> {
    if (this.#options.file === 'defaults')
      throw new SortbinError(
        'config-missing',
        '--set-confidence: there is no configuration file to write to. Create one with `sortbin config init`.',
      );
    await checkChanges(this.#options);
  }

  /** Checks before the work that the value has an effect. With --margin, both values are meant. */
  checkEffect({ margin }: Pick<Policy, 'margin'>): void {
    const { confidence } = this;
    if (this.margin !== undefined || decidingThreshold({ confidence, margin }) !== 'margin') return;
    throw new SortbinError(
      'option-useless',
      `--set-confidence ${confidence} would have no effect, because policy.margin is ${margin}. ` +
        `Add a lower margin, such as --margin 0.3, or use a confidence above ${margin}.`,
    );
  }

  async save({ margin }: Pick<Policy, 'margin'>): Promise<void> {
    const { file, changes } = this.#options;
    await saveChanges(this.#options);
    const values = changes.map(({ path, to }) => `${path.join('.')} ${to}`).join(', ');
    process.stderr.write(`${plain(file)}: ${values} written. Restart the bin to use it.\n`);
    const useless = uselessConfidence({ confidence: this.confidence, margin });
    if (useless) process.stderr.write(`${useless}\n`);
  }
}
