import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { ConfigError } from '../../config/errors.js';
import { messageOf } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import { RUNTIMES, type RuntimeName } from '../../perception/inference/runtimes.js';
import type { RuntimeOption } from '../../perception/vision/probe.js';
import { ioProgram } from '../../wire/lines.js';
import { examineAccelerators } from '../doctor/accelerators.js';
import { examineBundle } from '../doctor/bundle.js';
import { examineConfiguration } from '../doctor/configuration.js';
import type { Section } from '../doctor/doctor.js';
import { examineLines, wantedLines } from '../doctor/lines.js';
import { examineMachine } from '../doctor/machine.js';
import { type MachineLines, parseMachineLines } from '../doctor/machine-lines.js';
import { noRuntimes } from '../doctor/runtimes.js';
import { bundleFolder, type Read, tryBundle, tryRuntimes, visionOf } from './examinations.js';
import { EXIT } from './failure.js';
import { readConfig } from './loaded-config.js';
import { report } from './report.js';

interface DoctorFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly runtime?: RuntimeName[];
}

export const doctorCommand = (): Command =>
  new Command('doctor')
    .description(
      'look at the configuration, the machine, the model and every runtime, and say what works and why not',
    )
    .option('-c, --config <file>', 'configuration (default: sortbin.yaml where there is one)')
    .option('--json', 'print {schema, sortbin, exitCode, sections} as JSON')
    .addOption(
      new Option('--runtime <name...>', 'try these alone, in place of vision.runtime').choices([...RUNTIMES]),
    )
    .addHelpText(
      'after',
      `
Exit code: 0 what is configured serves; ${EXIT.configuration} the configuration is not valid or does not fit the model;
${EXIT.data} the bundle is missing, damaged or not valid; ${EXIT.unavailable} no runtime that may be taken serves, or a line
that is configured cannot be had.`,
    )
    .action(({ config: file, json = false, runtime }: DoctorFlags) => examine(file, json, runtime));

const examine = async (file: string | undefined, json: boolean, named?: RuntimeName[]): Promise<void> => {
  const read = await readConfig(file).catch((thrown) => {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  });
  const found = read instanceof ConfigError ? null : await tryBundle(bundleFolder(read));
  const bundle = found && 'manifest' in found ? found : null;
  await report(
    [
      () => examineConfiguration(read, bundle, EXIT.configuration),
      () => examineMachine(),
      () => examineBundle(found, EXIT.data),
      () => examineAccelerators(),
      ...(read instanceof ConfigError ? [] : [() => lookAtLines(read, EXIT.unavailable)]),
      () =>
        read instanceof ConfigError || !bundle ? noRuntimes(EXIT.unavailable) : runtimes(read, bundle, named),
    ],
    json,
  );
};

const runtimes = (read: Read, bundle: Bundle, named: RuntimeName[] | undefined): Promise<Section> => {
  const { runtime, tflite } = visionOf(read.config);
  const allows = (way: RuntimeOption) =>
    (named?.includes(way.runtime) ?? (runtime === 'auto' || way.runtime === runtime)) &&
    (way.binding === null || tflite.binding === 'auto' || way.binding === tflite.binding);
  const by = named ? `--runtime ${named.join(' ')}` : `vision.runtime: ${runtime}`;
  const simulated = read.config.vision.driver === 'simulated';
  const looksAt = (way: RuntimeOption) => named?.includes(way.runtime) ?? true;
  return tryRuntimes(read, bundle, looksAt, simulated ? null : { by, allows });
};

const LIST_MS = 10_000;

/** The lines of this machine, beside those that the configuration wants. */
const lookAtLines = async ({ config, folder }: Read, exitCode: number): Promise<Section> =>
  examineLines({
    found: await list({ config, folder }).catch((thrown) => ({ failure: messageOf(thrown) })),
    wanted: config.lines.driver === 'simulated' ? [] : wantedLines(config),
    exitCode,
  });

const list = async (read: Read): Promise<MachineLines> => {
  const program = await ioProgram(read);
  const { stdout } = await promisify(execFile)(program, ['--list'], { timeout: LIST_MS });
  return parseMachineLines(stdout);
};
