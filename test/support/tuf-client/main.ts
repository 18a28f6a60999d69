#!/usr/bin/env node
/**
 * The command line of the public suite tuf-conformance, over the client of device/update/repository/:
 *   --metadata-dir D init ROOT
 *   --metadata-dir D --metadata-url U refresh
 *   --metadata-dir D --metadata-url U --target-name N… --target-base-url B --target-dir T download
 */
import { createReadStream, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SystemClock } from '../../../device/kit/clock.js';
import { makeFolder } from '../../../device/kit/durable-file.js';
import { messageOf } from '../../../device/kit/errors.js';
import { downloadFile, targetUrl } from '../../../device/update/repository/download.js';
import { MetadataStore } from '../../../device/update/repository/metadata-store.js';
import { Reader } from '../../../device/update/repository/reader.js';
import { type Workflow, withWorkflow } from '../../../device/update/repository/workflow.js';

const option = { type: 'string', default: '' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'metadata-dir': option,
    'metadata-url': option,
    'target-name': { type: 'string', multiple: true, default: [] },
    'target-base-url': option,
    'target-dir': option,
  },
});

const metadataFolder = values['metadata-dir'];
/** A hidden folder: the suite reads all other files in the folder of the metadata. */
const store = new MetadataStore(join(metadataFolder, '.state'));
const clock = new SystemClock();
const reader = new Reader(clock, { stallMs: 60_000, minBytesPerSecond: 512, maxBytesPerSecond: null });
const { signal } = new AbortController();

const init = (rootFile: string): void => {
  const text = readFileSync(rootFile, 'utf8');
  store.saveRoot(text);
  writeFileSync(join(metadataFolder, 'root.json'), text);
};

const run = async (work: (workflow: Workflow) => Promise<void>): Promise<void> => {
  // Static repositories of the suite are older than this program.
  const metadataUrl = new URL(values['metadata-url']);
  const parts = { store, reader, clock, builtAtMs: 0, metadataUrl, delegated: null };
  try {
    await withWorkflow(parts, signal, async (workflow) => {
      await workflow.refresh();
      await work(workflow);
    });
  } finally {
    for (const [role, text] of Object.entries(store.trusted() ?? {})) {
      writeFileSync(join(metadataFolder, `${role}.json`), text);
    }
  }
};

const download = async (workflow: Workflow, name: string): Promise<void> => {
  const target = await workflow.target(name);
  if (!target) throw new Error(`${name}: no such target`);
  const path = join(values['target-dir'], encodeURIComponent(name));
  const isThere = await target.verify(createReadStream(path)).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  const { length: bytes, hashes } = target;
  const prefix = workflow.consistentSnapshot ? (Object.values(hashes)[0] ?? null) : null;
  const url = targetUrl(new URL(values['target-base-url']), name, prefix);
  const part = join(metadataFolder, '.state', 'part');
  makeFolder(join(metadataFolder, '.state'));
  await downloadFile(reader, { url, bytes, hashes }, part, signal);
  renameSync(part, path);
};

const COMMANDS: Readonly<Record<string, () => Promise<void> | void>> = {
  init: () => init(positionals[1] ?? ''),
  refresh: () => run(async () => {}),
  download: () =>
    run(async (workflow) => {
      for (const name of values['target-name']) await download(workflow, name);
    }),
};

try {
  const command = COMMANDS[positionals[0] ?? ''];
  if (!command) throw new Error('give one of init, refresh, download');
  await command();
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
