import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { SystemClock } from '../../kit/clock.js';
import { loadBundle, parseBundleJson } from '../../perception/inference/bundle/bundle.js';
import {
  AddEdgeTpuError,
  type AddEdgeTpuErrorCode,
  addEdgeTpu,
} from '../../perception/inference/edgetpu/add-edgetpu.js';
import { examineBundle } from '../doctor/bundle.js';
import { describeManifest } from '../doctor/manifest.js';
import { renderFacts } from '../doctor/render.js';
import { noRuntimes } from '../doctor/runtimes.js';
import { bundleFolder, tryBundle, tryRuntimes } from './examinations.js';
import { EXIT, fail } from './failure.js';
import { readConfig } from './loaded-config.js';
import { print, report, terminalStyle } from './report.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

export const modelCommand = (): Command =>
  new Command('model')
    .description('show, verify and extend a bundle: a model with all that belongs to it')
    .addCommand(showCommand())
    .addCommand(verifyCommand())
    .addCommand(addEdgeTpuCommand());

const WHICH = "the bundle's folder (default: the configuration's, else the factory's)";
const CONFIG = ['-c, --config <file>', 'configuration (default: sortbin.yaml where there is one)'] as const;

const showCommand = (): Command =>
  new Command('show')
    .description(`say what a bundle is (exit code ${EXIT.data}: it is missing, damaged or not valid)`)
    .argument('[bundle]', WHICH)
    .option('--json', 'print {schema, folder, manifest} as JSON')
    .option(...CONFIG)
    .action(async (named: string | undefined, { config, json = false }: Flags) => {
      const { folder } = await readBundle(named, config);
      const { manifest } = await loadBundle(folder);
      const text = await readFile(join(folder, MANIFEST));
      // All of it: keys that this version does not know are shown too.
      const raw = parseBundleJson(folder, MANIFEST, text, z.record(z.string(), z.unknown()));
      if (json) print({ schema: 1, folder, manifest: raw });
      else {
        const style = terminalStyle();
        const sections = describeManifest(manifest, sourcesSchema.parse(raw.sources));
        process.stdout.write(
          `${folder}\n${sections.map((section) => `\n${renderFacts(section, style)}`).join('')}`,
        );
      }
    });

const MANIFEST = 'manifest.json';

const sourcesSchema = z
  .array(z.object({ what: z.string(), name: z.string(), licence: z.string() }))
  .catch([]);

const verifyCommand = (): Command =>
  new Command('verify')
    .description(
      'check every file of a bundle, and its golden samples on every runtime that this machine has',
    )
    .argument('[bundle]', WHICH)
    .option('--json', 'print {schema, sortbin, exitCode, sections} as JSON')
    .option(...CONFIG)
    .addHelpText(
      'after',
      `
Exit code: 0 the bundle is whole, and a runtime passes its golden samples; ${EXIT.data} it is missing, damaged or not
valid; ${EXIT.unavailable} no runtime passes.`,
    )
    .action(async (named: string | undefined, { config, json = false }: Flags) => {
      const { read, folder } = await readBundle(named, config);
      const found = await tryBundle(folder);
      const wanted = { by: 'auto', allows: () => true };
      const runtimes = () =>
        'manifest' in found ? tryRuntimes(read, found, wanted.allows, wanted) : noRuntimes(EXIT.unavailable);
      await report([() => examineBundle(found, EXIT.data), runtimes], json);
    });

const addEdgeTpuCommand = (): Command =>
  new Command('add-edgetpu')
    .description('make a new bundle out of one and its int8 model compiled for the Coral Edge TPU')
    .argument('<bundle>', "a bundle's folder; it stays as it is")
    .argument('<file>', 'its model_int8.tflite, compiled by edgetpu_compiler')
    .requiredOption('--out <folder>', 'of the new bundle; made here')
    .option('--version <version>', "of the new bundle (default: the old one's, and +edgetpu)")
    .addHelpText(
      'after',
      `
Exit code: ${EXIT.data} the bundle or the file is not suitable; ${EXIT.input} the file cannot be read; ${EXIT.cannotCreate} the folder exists or
cannot be written.`,
    )
    .action(async (bundle: string, model: string, { out, version }: { out: string; version?: string }) => {
      try {
        const createdMs = new SystemClock().wallMs();
        const { folder, manifest } = await addEdgeTpu({ bundle, model, folder: out, version, createdMs });
        process.stdout.write(`${folder}: ${manifest.name} ${manifest.version} written\n`);
      } catch (thrown) {
        fail(thrown);
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

const readBundle = async (named: string | undefined, config: string | undefined) => {
  const read = await readConfig(config);
  return { read, folder: named === undefined ? bundleFolder(read) : resolve(named) };
};
