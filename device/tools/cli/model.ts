import { resolve } from 'node:path';
import { Command } from 'commander';
import { SystemClock } from '../../kit/clock.js';
import { plain } from '../../kit/plain-text.js';
import {
  AddEdgeTpuError,
  type AddEdgeTpuErrorCode,
  addEdgeTpu,
} from '../../perception/inference/edgetpu/add-edgetpu.js';
import { bundleFolder } from '../../wire/model.js';
import { examineBundle } from '../doctor/bundle.js';
import type { Section } from '../doctor/doctor.js';
import { examineGolden } from '../doctor/golden.js';
import { noRuntimes } from '../doctor/runtimes.js';
import { CONFIG_OPTION } from './config-option.js';
import { loadBundleOrError, testRuntimes } from './examinations.js';
import { EXIT, reportError } from './failure.js';
import { readConfig } from './loaded-config.js';
import { showCommand } from './model-show.js';
import { modelUpdateCommands } from './model-updates.js';
import { exitCodesHelp, reportSections } from './report.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

export const modelCommand = (): Command => {
  const command = new Command('model').description(
    'show, verify, extend, install or activate a bundle: a model with its labels, settings and golden samples',
  );
  for (const one of [showCommand(), verifyCommand(), addEdgeTpuCommand(), ...modelUpdateCommands()])
    command.addCommand(one);
  return command;
};

const BUNDLE = 'bundle folder (default: model.bundle, else the factory bundle)';

const verifyCommand = (): Command =>
  new Command('verify')
    .summary('check a bundle on this machine')
    .description('check all files of a bundle, and run its golden samples on every runtime of this machine')
    .argument('[bundle]', BUNDLE)
    .option('--json', 'print {schema, sortbin, exitCode, sections} as JSON')
    .option(...CONFIG_OPTION)
    .addHelpText(
      'after',
      exitCodesHelp({
        0: 'the bundle is complete, and a runtime passes its golden samples',
        [EXIT.data]: 'the bundle is missing, damaged or invalid',
        [EXIT.unavailable]: 'no runtime passes the golden samples',
      }),
    )
    .action(async (named: string | undefined, { config, json = false }: Flags) => {
      const { loaded, folder } = await readBundleFolder(named, config);
      const found = await loadBundleOrError(folder);
      const all = () => true;
      const runtimes = () =>
        'manifest' in found
          ? testRuntimes(loaded, found, all, { by: 'auto', allows: all })
          : noRuntimes(EXIT.unavailable);
      const bundle = async (): Promise<Section> => {
        const section = examineBundle(found, EXIT.data);
        if (!('manifest' in found)) return section;
        return { ...section, checks: [...section.checks, ...(await examineGolden(found))] };
      };
      await reportSections([bundle, runtimes], json);
    });

const addEdgeTpuCommand = (): Command =>
  new Command('add-edgetpu')
    .summary('add an Edge TPU model to a bundle')
    .description('create a new bundle from a bundle and its int8 model, compiled for the Coral Edge TPU')
    .argument('<bundle>', 'bundle folder; it is not changed')
    .argument('<file>', 'model_int8.tflite of the bundle, compiled with edgetpu_compiler')
    .requiredOption('--out <folder>', 'folder of the new bundle; it must not exist')
    .option('--version <version>', 'version of the new bundle (default: for 1.3.0, 1.3.1-edgetpu)')
    .addHelpText(
      'after',
      exitCodesHelp({
        [EXIT.data]: 'the bundle or the file is not suitable',
        [EXIT.input]: 'the file cannot be read',
        [EXIT.cannotCreate]: 'the new folder exists, or cannot be written',
      }),
    )
    .action(async (bundle: string, model: string, { out, version }: { out: string; version?: string }) => {
      try {
        const createdMs = new SystemClock().wallMs();
        const { folder, manifest } = await addEdgeTpu({ bundle, model, folder: out, version, createdMs });
        process.stdout.write(`${plain(folder)}: ${manifest.name} ${manifest.version} written\n`);
      } catch (thrown) {
        reportError(thrown);
        if (thrown instanceof AddEdgeTpuError) process.exitCode = EXIT_OF[thrown.code];
      }
    });

const EXIT_OF: Readonly<Record<AddEdgeTpuErrorCode, number>> = {
  'edgetpu-unreadable': EXIT.input,
  'edgetpu-unsuitable': EXIT.data,
  'edgetpu-version': EXIT.data,
  'edgetpu-exists': EXIT.cannotCreate,
  'edgetpu-unwritable': EXIT.cannotCreate,
};

const readBundleFolder = async (named: string | undefined, config: string | undefined) => {
  const loaded = await readConfig(config);
  return { loaded, folder: named === undefined ? bundleFolder(loaded) : resolve(named) };
};
