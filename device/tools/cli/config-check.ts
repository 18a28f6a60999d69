import { dirname, resolve } from 'node:path';
import { type ConfigWarning, type LoadedFile, loadConfig, warningText } from '../../config/load.js';
import { ConfigError, type Problem } from '../../config/problems.js';
import { escapeControls, plainLines } from '../../kit/plain-text.js';
import { bundleFolder } from '../../wire/model.js';
import { findUnusableMqttFiles } from '../../wire/publisher.js';
import { fitToModel } from '../doctor/model-fit.js';
import { loadBundleOrError } from './examinations.js';
import { EXIT } from './failure.js';

/** Output streams and exit code of a command: the process, or a test double. */
export interface Host {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}

/** A configuration file, with its folder. */
type CommandFile = LoadedFile & { readonly folder: string };

/** Checks a file: the keys alone, and then with the files and the model that the bin would use. Prints every problem. */
export const checkConfig = async (host: Host, file: string, json: boolean): Promise<void> => {
  const warnings: ConfigWarning[] = [];
  const warn = (warning: ConfigWarning): void => {
    warnings.push(warning);
    if (!json) host.stderr.write(plainLines(`${warningText(file, warning)}\n`));
  };
  try {
    const loaded = { ...(await loadConfig(file, warn)), folder: dirname(resolve(file)) };
    const problems = [...(await fileProblems(loaded)), ...(await modelProblems(loaded, warn))];
    if (problems.length > 0) throw new ConfigError('config-invalid', file, problems);
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

/** Returns the problem of each file of the section `mqtt` that the bin could not use. */
const fileProblems = async (loaded: CommandFile): Promise<Problem[]> =>
  (await findUnusableMqttFiles(loaded)).map(({ key, message }) => ({
    path: `mqtt.${key}`,
    value: loaded.config.mqtt[key],
    allowed: 'a file that the bin can use',
    line: loaded.lineAt(['mqtt', key]),
    message,
  }));

/** Returns the problem because of which the bin would refuse the configuration with its model, or none. */
const modelProblems = async (
  loaded: CommandFile,
  warn: (warning: ConfigWarning) => void,
): Promise<Problem[]> => {
  const { config, lineAt } = loaded;
  const bundle = await loadBundleOrError(bundleFolder(loaded));
  const warnAbout = (path: readonly string[], message: string) =>
    warn({ path: path.join('.'), line: lineAt(path), message });
  if (!('manifest' in bundle)) {
    const message = `model.bundle: labels and compartments were not checked, because the bundle cannot be used. ${bundle.message}`;
    warnAbout(['model', 'bundle'], message);
    return [];
  }
  const fit = fitToModel(config, bundle.manifest);
  if ('fault' in fit) {
    const { path, fault } = fit;
    const allowed = 'a value that fits the model';
    return [{ path: path.join('.'), value: null, allowed, line: lineAt(path), message: fault.message }];
  }
  if (fit.warning) warnAbout(['policy', 'confidence'], fit.warning);
  return [];
};
