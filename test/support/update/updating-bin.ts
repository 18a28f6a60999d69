import { writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { quickBundle } from '../bundle-copy.js';
import { inFolder, Sortbin } from '../sortbin.js';
import { type RepositoryServer, serveRepository } from './repository-server.js';
import { TestRepository } from './test-repository.js';

const BIN = `trigger: { driver: command }
vision: { driver: simulated, script: [{ label: paper }] }
gate: { moveMs: 20 }
mqtt: { embedded: { port: 0 } }
`;

/** A bin that runs with a repository on the loopback interface. It does not poll. */
export interface UpdatingBin {
  readonly folder: string;
  readonly bin: Sortbin;
  readonly repository: TestRepository;
  readonly server: RepositoryServer;
  /** Publishes a copy of the factory bundle as this version of waste12, whose files are what `change` makes of them. */
  publish(version: string, change?: (files: Map<string, Buffer>) => void): Promise<void>;
  /** Runs a command. Returns its exit code and its text, on standard output and then on standard error. */
  run(...args: string[]): Promise<{ readonly code: unknown; readonly text: string }>;
}

/** Starts a bin with a new repository, in which `published` are. `extra`: more of its configuration. */
export const withUpdatingBin = async (
  t: TestContext,
  { published = [], extra = '' }: { readonly published?: readonly string[]; readonly extra?: string },
  use: (updating: UpdatingBin) => Promise<void>,
): Promise<void> => {
  const repository = new TestRepository(Date.now());
  const server = await serveRepository(repository.files);
  const publish: UpdatingBin['publish'] = async (version, change = () => {}) => {
    const files = await filesOf(await quickBundle(t, (manifest) => Object.assign(manifest, { version })));
    change(files);
    repository.add(`waste12/${version}`, Object.fromEntries(files));
    repository.publish();
  };
  for (const version of published) await publish(version);
  const update = `update: { url: '${server.url.href}', root: root.json, hours: '${hoursWithoutNow()}' }\n`;
  try {
    await inFolder(BIN + update + extra, async (folder) => {
      writeFileSync(join(folder, 'root.json'), repository.rootJson);
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      const run: UpdatingBin['run'] = async (...args) => {
        const command = new Sortbin(args, folder);
        const code = await command.ended();
        return { code, text: [...command.output, command.stderr].join('\n').trimEnd() };
      };
      await use({ folder, bin, repository, server, publish, run });
    });
  } finally {
    await server.close();
  }
};

/** The first poll comes at a random time. Commands are allowed at any time. */
const hoursWithoutNow = (): string => {
  const hour = (new Date().getHours() + 12) % 24;
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(hour)}:00-${two((hour + 1) % 24)}:00`;
};

const filesOf = async (bundle: string): Promise<Map<string, Buffer>> => {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(bundle, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(bundle.length + 1), await readFile(path));
  }
  return files;
};
