import { dirname, resolve } from 'node:path';
import { type ConfigWarning, type LoadedFile, loadConfig, warningText } from '../../config/load.js';
import { ConfigError, type Problem } from '../../config/problems.js';
import { escapeControls, plainLines } from '../../kit/plain-text.js';
import { fitToModel } from '../doctor/model-fit.js';
import { bundleFolder, loadBundleOrError } from './examinations.js';
import { EXIT } from './failure.js';

/** Output streams and exit code of a command: the process, or a test double. */
export interface Host {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}

/** Checks a file: the keys alone, and then with the model that the bin would use. Prints every problem. */
export const checkConfig = async (host: Host, file: string, json: boolean): Promise<void> => {
  const warnings: ConfigWarning[] = [];
  const warn = (warning: ConfigWarning): void => {
    warnings.push(warning);
    if (!json) host.stderr.write(plainLines(`${warningText(file, warning)}\n`));
  };
  try {
    await checkWithModel(file, await loadConfig(file, warn), warn);
    host.stdout.write(json ? report(true, [], warnings) : `${file} is valid\n`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    host.exitCode = EXIT.configuration;
    if (json) host.stdout.write(report(false, error.problems, warnings));
    else host.stderr.write(plainLines(`${error.message}\n`));
  }
};

const report = (valid: boolean, problems: readonly Problem[], warnings: readonly ConfigWarning[]): string =>
  escapeControls(`${JSON.stringify({ valid, problems, warnings }, null, 2)}\n`);

/** @throws ConfigError if the bin would refuse the configuration with its model */
const checkWithModel = async (
  file: string,
  { config, lineAt }: LoadedFile,
  warn: (warning: ConfigWarning) => void,
): Promise<void> => {
  const bundle = await loadBundleOrError(bundleFolder({ config, folder: dirname(resolve(file)) }));
  const warnAbout = (path: readonly string[], message: string) =>
    warn({ path: path.join('.'), line: lineAt(path), message });
  if (!('manifest' in bundle))
    return warnAbout(
      ['model', 'bundle'],
      `model.bundle: labels and compartments were not checked, because the bundle cannot be used. ${bundle.message}`,
    );
  const fit = fitToModel(config, bundle.manifest);
  if ('fault' in fit) {
    const { path, fault } = fit;
    const { message } = fault;
    const allowed = 'a value that fits the model';
    const problem = { path: path.join('.'), value: null, allowed, line: lineAt(path), message };
    throw new ConfigError('config-invalid', file, [problem], { cause: fault });
  }
  if (fit.warning) warnAbout(['policy', 'confidence'], fit.warning);
};
