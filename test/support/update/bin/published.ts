import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { planAdd } from '../../../../device/tools/release/add.js';
import { applied, Repository } from '../../../tools/release/support.js';
import { editJson, factoryBundle } from '../../bundle-copy.js';
import { type RepositoryServer, serveRepository } from '../repository-server.js';

/** A repository that the release tool makes in a folder, behind a server that a test disturbs. */
export class PublishedRepository {
  private constructor(
    private readonly release: Repository,
    /** What the server sends: contents by path. */
    readonly files: Map<string, Buffer>,
    readonly server: RepositoryServer,
  ) {}

  /** `nowMs`: the time of the machine that makes the repository. */
  static async open(folder: string, nowMs?: number): Promise<PublishedRepository> {
    const release = new Repository(folder, nowMs);
    await release.init();
    const files = new Map<string, Buffer>();
    const opened = new PublishedRepository(release, files, await serveRepository(files));
    opened.#read();
    return opened;
  }

  /** The root.json that a bin trusts. */
  get root(): string {
    return this.release.root;
  }

  /** Signs a bundle, and publishes it. `nowMs`: the time of the machine that signs. */
  async add(bundle: string, nowMs = Date.now()): Promise<void> {
    this.release.nowMs = nowMs;
    await applied(planAdd(this.release.state, bundle, this.release.signing()));
    this.#read();
  }

  /** The path of a file of a bundle below the address of the repository. */
  pathOf(version: string, file: string): string {
    const [folder, name] = [`targets/waste12/${version}/`, file.split('/').at(-1) ?? ''];
    const found = [...this.files.keys()].find((path) => path.startsWith(folder) && path.endsWith(`.${name}`));
    if (!found) throw new Error(`${version}: ${file} is not published`);
    return found;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  #read(): void {
    const { folder } = this.release;
    this.files.clear();
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name);
      if (statSync(path).isFile()) this.files.set(relative(folder, path), readFileSync(path));
    }
  }
}

/** Writes the factory bundle as another version into a folder, without its TensorFlow.js model. */
export const writeVersion = async (folder: string, version: string): Promise<string> => {
  const tfjs = join(factoryBundle(), 'tfjs');
  await cp(factoryBundle(), folder, { recursive: true, filter: (path) => path !== tfjs });
  await editJson<{ version: string; runtimes: { tfjs?: unknown } }>(
    join(folder, 'manifest.json'),
    (manifest) => {
      manifest.version = version;
      delete manifest.runtimes.tfjs;
    },
  );
  return folder;
};
