import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { parseConfig } from '../../config/load.js';
import { ConfigError } from '../../config/problems.js';
import type { Config } from '../../config/schema.js';
import { devicePath } from '../../hardware/camera/v4l2/stable-paths.js';
import { messageOf } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import { RUNTIMES, type RuntimeName } from '../../perception/inference/runtimes.js';
import { isAllowed, type RuntimeOption } from '../../perception/vision/probe.js';
import { listCameras, requirementFault, resolveCamera } from '../../wire/camera.js';
import { ioProgram } from '../../wire/lines.js';
import { bundleFolder } from '../../wire/model.js';
import { examineAccelerators } from '../doctor/accelerators.js';
import { examineBundle } from '../doctor/bundle.js';
import { examineCameras } from '../doctor/cameras.js';
import { examineConfiguration } from '../doctor/configuration.js';
import type { ConfiguredCamera } from '../doctor/configured-camera.js';
import type { Section } from '../doctor/doctor.js';
import { configuredLines, examineLines } from '../doctor/lines.js';
import { examineMachine } from '../doctor/machine.js';
import { type MachineLines, parseMachineLines } from '../doctor/machine-lines.js';
import { noRuntimes } from '../doctor/runtimes.js';
import { examineBroker } from './broker-section.js';
import { CONFIG_OPTION } from './config-option.js';
import { loadBundleOrError, testRuntimes, visionOf } from './examinations.js';
import { EXIT } from './failure.js';
import { type CommandConfig, readConfig } from './loaded-config.js';
import { exitCodesHelp, reportSections } from './report.js';

interface DoctorFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly runtime?: RuntimeName[];
}

export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('check the configuration, the machine, the camera, the broker, the model and every runtime')
    .option(...CONFIG_OPTION)
    .option('--json', 'print {schema, sortbin, exitCode, sections} as JSON')
    .addOption(
      new Option('--runtime <name...>', 'test only these runtimes, instead of vision.runtime').choices([
        ...RUNTIMES,
      ]),
    )
    .addHelpText(
      'after',
      exitCodesHelp({
        0: 'no check has failed',
        [EXIT.data]: 'the bundle is missing, damaged or invalid',
        [EXIT.unavailable]: 'no usable runtime, or a configured GPIO line, camera or broker is unavailable',
        [EXIT.configuration]:
          'the configuration is invalid, names an unusable file, or does not match the model',
      }),
    )
    .action(({ config: file, json = false, runtime }: DoctorFlags) => examine(file, json, runtime));

const examine = async (file: string | undefined, json: boolean, named?: RuntimeName[]): Promise<void> => {
  const loaded = await readConfig(file).catch((thrown) => {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  });
  const found = loaded instanceof ConfigError ? null : await loadBundleOrError(bundleFolder(loaded));
  const bundle = found && 'manifest' in found ? found : null;
  await reportSections(
    [
      () => examineConfiguration(loaded, bundle, EXIT.configuration),
      () => examineMachine(),
      () => examineBundle(found, EXIT.data),
      () => examineAccelerators(),
      ...(loaded instanceof ConfigError ? [] : [() => linesSection(loaded)]),
      () => cameraSection(loaded instanceof ConfigError ? null : loaded),
      ...(loaded instanceof ConfigError ? [] : [() => examineBroker(loaded)]),
      () =>
        loaded instanceof ConfigError || !bundle
          ? noRuntimes(EXIT.unavailable)
          : runtimesSection(loaded, bundle, named),
    ],
    json,
  );
};

const runtimesSection = (
  loaded: CommandConfig,
  bundle: Bundle,
  named: RuntimeName[] | undefined,
): Promise<Section> => {
  const { runtime, tflite } = visionOf(loaded.config);
  const allows = (option: RuntimeOption) =>
    named
      ? named.includes(option.runtime) && isAllowed(option, { runtime: 'auto', tflite })
      : isAllowed(option, { runtime, tflite });
  const by = named ? `--runtime ${named.join(' ')}` : `vision.runtime: ${runtime}`;
  const isSimulated = loaded.config.vision.driver === 'simulated';
  const includes = (option: RuntimeOption) => named?.includes(option.runtime) ?? true;
  return testRuntimes(loaded, bundle, includes, isSimulated ? null : { by, allows });
};

const LIST_DEADLINE_MS = 10_000;

/** Compares the lines of this machine with the configured lines. */
const linesSection = async (loaded: CommandConfig): Promise<Section> =>
  examineLines({
    found: await listLines(loaded).catch((thrown) => ({ failure: messageOf(thrown) })),
    configured: loaded.config.lines.driver === 'simulated' ? [] : configuredLines(loaded.config),
    exitCode: EXIT.unavailable,
  });

const listLines = async (loaded: CommandConfig): Promise<MachineLines> => {
  const program = await ioProgram(loaded);
  const { stdout } = await promisify(execFile)(program, ['--list'], { timeout: LIST_DEADLINE_MS });
  return parseMachineLines(stdout);
};

/** Lists the cameras of this machine. Compares them with the configured camera, if the configuration is valid. */
const cameraSection = async (loaded: CommandConfig | null): Promise<Section> => {
  const defaults = { config: parseConfig('', 'defaults'), folder: process.cwd() };
  return examineCameras({
    ...(await listCameras(loaded ?? defaults)),
    configured: loaded && (await withPath(loaded.config.camera)),
    requirementFault: loaded && (await requirementFault(loaded)),
    exitCode: EXIT.unavailable,
  });
};

const withPath = async (camera: Config['camera']): Promise<ConfiguredCamera> => {
  if (camera.driver !== 'v4l2') return camera;
  const device = devicePath(camera.device);
  const path = await resolveCamera(device);
  return { ...camera, device, path: existsSync(path) ? path : null };
};
