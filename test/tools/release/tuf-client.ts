import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Updater } from 'tuf-js';
import { RepositoryFetcher } from '../../../device/tools/release/fetcher.js';

/** A client of tuf-js that keeps its metadata between two refreshes, like a bin. */
export class TufClient {
  /** `folder` keeps the metadata of an earlier client. `source`: the folder of a repository, or its URL. */
  constructor(
    private readonly folder: string,
    root: string,
    private readonly source: string,
  ) {
    mkdirSync(folder, { recursive: true });
    if (!existsSync(join(folder, 'root.json'))) copyFileSync(root, join(folder, 'root.json'));
  }

  async refresh(): Promise<Updater> {
    const base = /^http:/.test(this.source) ? this.source : pathToFileURL(this.source).href;
    const updater = new Updater({
      metadataDir: this.folder,
      metadataBaseUrl: `${base}/metadata`,
      targetBaseUrl: `${base}/targets`,
      targetDir: this.folder,
      fetcher: new RepositoryFetcher(),
    });
    await updater.refresh();
    return updater;
  }

  /** Downloads a target with tuf-js, and returns its content. */
  async download(path: string): Promise<string> {
    const updater = await this.refresh();
    const target = await updater.getTargetInfo(path);
    if (!target) throw new Error(`${path}: no such target`);
    return readFileSync(await updater.downloadTarget(target, join(this.folder, 'target')), 'utf8');
  }

  /** The version of a role that the client trusts. */
  version(role: string): number {
    return JSON.parse(readFileSync(join(this.folder, `${role}.json`), 'utf8')).signed.version;
  }
}
