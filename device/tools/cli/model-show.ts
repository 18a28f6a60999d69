import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { SortbinError } from '../../kit/errors.js';
import { plain } from '../../kit/plain-text.js';
import { ControlError } from '../../network/commands/commands.js';
import { loadBundle, loadManifest, parseBundleJson } from '../../perception/inference/bundle/bundle.js';
import type { Manifest } from '../../perception/inference/bundle/manifest.js';
import { type BundleId, textOf } from '../../update/bundle-id.js';
import type { BundleDetails } from '../../update/status.js';
import { STORE_FOLDER, slotFolder } from '../../update/store/store.js';
import { bundleFolder } from '../../wire/model.js';
import { fact } from '../doctor/doctor.js';
import { describeManifest } from '../doctor/manifest.js';
import { renderFacts } from '../doctor/render.js';
import { askBin } from './bin-commands.js';
import { type BundleArgument, parseBundleOrFolder } from './bundle-argument.js';
import { describeEntry } from './bundle-state.js';
import { CONFIG_OPTION } from './config-option.js';
import { EXIT } from './failure.js';
import { type CommandConfig, readConfig } from './loaded-config.js';
import { printJson, terminalStyle } from './report.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

export const showCommand = (): Command =>
  new Command('show')
    .summary('show a bundle')
    .description(`show a bundle (exit code ${EXIT.data} if it is missing, damaged or invalid)`)
    .argument(
      '[bundle]',
      'folder, or a bundle of the running bin such as waste12@1.4.0 (default: model.bundle, else the factory bundle)',
      parseBundleOrFolder,
    )
    .option('--json', 'print {schema, folder, manifest, update} as JSON')
    .option(...CONFIG_OPTION)
    .action(async (named: BundleArgument | undefined, { config, json = false }: Flags) => {
      const loaded = await readConfig(config);
      if (named?.bundle) await showBundleOfBin(named.bundle, loaded, { config, json });
      else await show({ title: '', folder: named?.folder ?? bundleFolder(loaded), update: undefined }, json);
    });

interface Shown {
  /** Shown if there is no folder. */
  readonly title: string;
  /** null: not installed */
  readonly folder: string | null;
  /** null: not known, because the bin does not run. undefined: not asked. */
  readonly update: BundleDetails | null | undefined;
}

const showBundleOfBin = async (
  bundle: BundleId,
  loaded: CommandConfig,
  { config, json }: { readonly config: string | undefined; readonly json: boolean },
): Promise<void> => {
  const title = `${textOf(bundle)}: not installed`;
  try {
    const flags = config === undefined ? {} : { config };
    const answer = await askBin({ command: 'model.show', bundle }, flags);
    if (answer === undefined) return;
    const update = answer as BundleDetails;
    await show({ title, folder: update.folder, update }, json);
  } catch (thrown) {
    if (!(thrown instanceof ControlError) || thrown.code !== 'control-down') throw thrown;
    const folder = await folderWithoutBin(bundle, loaded);
    if (folder === null)
      throw new SortbinError(
        'control-down',
        `${textOf(bundle)}: not in ${storeOf(loaded)}, and the bin does not run. Start the bin to see what is published.`,
        { cause: thrown },
      );
    await show({ title, folder, update: null }, json);
  }
};

const storeOf = ({ config, folder }: CommandConfig): string =>
  join(resolve(folder, config.dataDir), STORE_FOLDER);

/** Returns the folder of an installed bundle or of the factory bundle; null: it is neither. */
const folderWithoutBin = async (bundle: BundleId, loaded: CommandConfig): Promise<string | null> => {
  const slot = slotFolder(storeOf(loaded), bundle);
  if (existsSync(slot)) return slot;
  const factory = bundleFolder(loaded);
  const manifest = await loadManifest(factory).catch(() => null);
  return manifest && textOf(manifest) === textOf(bundle) ? factory : null;
};

const show = async ({ title, folder, update }: Shown, json: boolean): Promise<void> => {
  const style = terminalStyle();
  const write = (text: string) => json || process.stdout.write(text);
  const section = (checks: ReturnType<typeof describeEntry>) =>
    `\n${renderFacts({ title: 'update', checks, exitCode: 0 }, style)}`;
  write(`${plain(folder ?? title)}\n`);
  if (update) write(section(describeEntry(update)));
  if (update === null) write(section([fact('state', 'not known, because the bin does not run')]));
  // A folder that cannot be read, for example without the rights of the bin, is reported after what the bin knows.
  const bundle = folder === null ? null : await readBundle(folder);
  if (json) {
    printJson({ schema: 1, folder, manifest: bundle?.raw ?? null, update: update ?? null });
    return;
  }
  for (const one of bundle ? describeManifest(bundle.manifest, sourcesSchema.parse(bundle.raw.sources)) : [])
    write(`\n${renderFacts(one, style)}`);
};

const MANIFEST = 'manifest.json';

const sourcesSchema = z
  .array(z.object({ what: z.string(), name: z.string(), licence: z.string() }))
  .catch([]);

/** `raw`: also has the keys that this version does not know. @throws BundleError */
const readBundle = async (
  folder: string,
): Promise<{ readonly manifest: Manifest; readonly raw: Readonly<Record<string, unknown>> }> => {
  const { manifest } = await loadBundle(folder);
  const text = await readFile(join(folder, MANIFEST));
  return { manifest, raw: parseBundleJson(folder, MANIFEST, text, z.record(z.string(), z.unknown())) };
};
