import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { randomOf } from '../../support/random.js';
import { LoneUpdater } from '../../support/update/lone-updater.js';
import {
  ATTACKS,
  type Below,
  type Contents,
  type Files,
  forge,
  MISTAKES,
} from '../../support/update/mutations.js';
import { serveRepository } from '../../support/update/repository-server.js';
import { TestRepository } from '../../support/update/test-repository.js';
import type { Findings, Proof, ProofOptions } from './proof.js';

const OLD = '1.4.0';
const NEW = '1.5.0';
const KINDS = [
  ...Object.keys(ATTACKS),
  'signed by another key',
  ...Object.keys(MISTAKES).map((name) => `owner: ${name}`),
];

/** What became of a mutated release. `harmless`: the bundle is active, and each of its files is as signed. */
type End = 'refused' | 'harmless';

/**
 * Mutated releases, each for a new updater with the real client, store and gates. No vision process: a bundle that
 * reaches the runtime gate counts as active.
 */
export const mutatedBundles: Proof = async (options, findings) => {
  const files: Files = new Map();
  const server = await serveRepository(files);
  const ends: Record<string, Record<End, number>> = {};
  const codes: Record<string, number> = {};
  let refused = 0;
  try {
    const first = options.only ?? 0;
    for (let index = first; refused < options.bundles; index += 1) {
      const kind = KINDS[index % KINDS.length] ?? '';
      const release = new Release(kind, randomOf(options.seed * 1_000_003 + index), files, server.url);
      const { end, code } = await release.run().catch((thrown) => {
        findings.problem(`seed ${options.seed}, case ${index}, ${kind}: ${thrown}`);
        return { end: 'refused' as const, code: 'problem' };
      });
      const counts = ends[kind] ?? { refused: 0, harmless: 0 };
      ends[kind] = { ...counts, [end]: counts[end] + 1 };
      codes[code] = (codes[code] ?? 0) + 1;
      if (end === 'refused') refused += 1;
      if (options.only !== null) break;
    }
  } finally {
    await server.close();
  }
  note(ends, codes, options, findings);
};

const note = (
  ends: Readonly<Record<string, Record<End, number>>>,
  codes: Readonly<Record<string, number>>,
  { seed }: ProofOptions,
  findings: Findings,
): void => {
  const sum = (end: End) => Object.values(ends).reduce((total, counts) => total + counts[end], 0);
  findings.note(
    `seed ${seed}: ${sum('refused')} mutated releases were refused. ${sum('harmless')} others changed only what ` +
      'is not signed: each file of the active bundle was as signed',
  );
  for (const [kind, { refused, harmless }] of Object.entries(ends))
    findings.note(`${kind}: ${refused} refused${harmless > 0 ? `, ${harmless} harmless` : ''}`);
  const sorted = Object.entries(codes).sort(([, a], [, b]) => b - a);
  findings.note(`codes: ${sorted.map(([code, count]) => `${code} ${count}`).join(', ')}`);
};

/** A repository with an old and a new bundle, whose new release is mutated. */
class Release {
  readonly #repo = new TestRepository(Date.now());
  readonly #below: Below;

  constructor(
    private readonly kind: string,
    random: () => number,
    private readonly files: Files,
    private readonly url: URL,
  ) {
    this.#below = (limit) => Math.floor(random() * limit);
  }

  /** @throws Error if a bundle that is not as signed is active, or the next right release is refused */
  async run(): Promise<{ end: End; code: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'sortbin-mutated-'));
    const { kind, files, url } = this;
    const mistake = MISTAKES[kind.replace(/^owner: /, '')];
    let updater: LoneUpdater | null = null;
    try {
      this.#repo.halt('waste12', { schema: 1, halted: false, percent: 100, version: NEW });
      this.#publish(contentsOf(join(folder, 'old'), OLD), OLD);
      const older = new Map(this.#repo.files);
      updater = await LoneUpdater.start(join(folder, 'bin'), url, this.#repo.rootJson);
      await updater.check();
      const contents = contentsOf(join(folder, 'new'), NEW);
      if (kind.startsWith('owner: ')) mistake?.(contents, this.#below);
      this.#publish(contents, NEW);
      const right = new Map(files);
      this.#attack(older, right);
      const code = await updater.install(NEW);
      const end = this.#endOf(updater, contents);
      if (!kind.startsWith('owner: ')) await this.#recover(updater, right);
      return { end, code };
    } finally {
      await updater?.close();
      await rm(folder, { recursive: true, force: true });
    }
  }

  #publish(contents: Contents, version: string): void {
    this.#repo.add(`waste12/${version}`, contents);
    this.#repo.publish();
    this.#serve(this.#repo.files);
  }

  #serve(all: ReadonlyMap<string, Buffer>): void {
    this.files.clear();
    for (const [path, bytes] of all) this.files.set(path, bytes);
  }

  #attack(older: Files, right: Files): void {
    const { kind, files } = this;
    if (kind === 'signed by another key') forge(this.#repo, files, this.#below);
    const attack = ATTACKS[kind];
    const isNeeded = (path: string) => path.startsWith(`targets/waste12/${NEW}/`) || !older.has(path);
    const needed = ['metadata/timestamp.json', ...[...right.keys()].filter(isNeeded)];
    attack?.({ files, older, needed: [...new Set(needed)], below: this.#below });
  }

  #endOf(updater: LoneUpdater, contents: Contents): End {
    const active = updater.activeFolder;
    if (active === null) return 'refused';
    for (const [file, bytes] of Object.entries(contents))
      if (!readFileSync(join(active, file)).equals(bytes))
        throw new Error(`a bundle with another ${file} is active`);
    if (this.kind.startsWith('owner: ')) throw new Error('it is active');
    return 'harmless';
  }

  /** The server is right again. */
  async #recover(updater: LoneUpdater, right: Files): Promise<void> {
    this.#serve(right);
    const code = await updater.install(NEW);
    if (updater.activeFolder === null) throw new Error(`the right release is refused: ${code}`);
  }
}

const contentsOf = (folder: string, version: string): Contents => {
  writeFakeBundle(folder, { name: 'waste12', version, model: `weights of ${version} `.repeat(50) });
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => /\.\w+$|NOTICE$/.test(name));
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file))]));
};
