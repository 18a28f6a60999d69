import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { updateDigests } from '../../support/bundle-copy.js';
import { FileFaults } from '../../support/faults/file-faults.js';
import { writeVersion } from '../../support/update/bin/published.js';
import { UpdateBin } from '../../support/update/bin/update-bin.js';
import type { Findings, Proof } from './proof.js';

const OLD = '9.0.0';
const NEW = '9.1.0';
/** A model is written in many pieces. A kill between two of them is the same as between any other two. */
const WRITES_PER_POINT = 8;
/** The last changes, which make the new bundle active, are always chosen. */
const LAST = 5;
/** Few items, so that the changes of the disk are those of the update. */
const CONFIG = { trigger: { driver: 'interval', everyMs: 2_000 } };

/** SIGKILL of `sortbin run` at changes of its disk, in all of its threads, while it installs a second bundle. */
export const kills: Proof = ({ points }, findings) =>
  UpdateBin.use(CONFIG, async (bin) => {
    const data = join(bin.folder, 'data');
    const [before, faults] = [join(bin.folder, 'before'), await FileFaults.make(bin.folder, data)];
    await bin.repository.add(await writeVersion(join(bin.folder, OLD), OLD));
    await bin.start();
    await bin.installs(OLD);
    await bin.stop();
    copyFolder(data, before);
    await bin.repository.add(await newBundle(bin.folder));

    const trial = new KillTrial(bin, faults, data, before);
    const changes = await trial.count();
    const candidates = changes.flatMap((change, index) =>
      change.startsWith('pwrite64 /models/part/') && index % WRITES_PER_POINT !== 0 ? [] : [index + 1],
    );
    const step = Math.max(1, candidates.length / points);
    const isChosen = (index: number) =>
      Math.floor(index / step) !== Math.floor((index - 1) / step) || index >= candidates.length - LAST;
    const chosen = candidates.filter((_, index) => isChosen(index));
    for (const at of chosen) await trial.killAt(at, findings);
    const isSync = (change: string) => /^f(data)?sync /.test(change);
    findings.note(
      `killed at ${chosen.length} of ${changes.length} changes of the disk (${changes.filter(isSync).length} of them sync). ` +
        `${trial.ended} had ended before. Active after the kill: ${OLD} ${trial.active[OLD]} times, ${NEW} ${trial.active[NEW]} times`,
    );
    if (trial.active[OLD] === 0 || trial.active[NEW] === 0)
      findings.problem('one of the bundles was never active');
  });

/** A bundle whose model differs, so that all of the way of an update is gone. */
const newBundle = async (folder: string): Promise<string> => {
  const bundle = await writeVersion(join(folder, NEW), NEW);
  await appendFile(join(bundle, 'model_int8.tflite'), 'another model');
  await updateDigests(bundle);
  return bundle;
};

class KillTrial {
  /** How often a version was active after a kill. */
  readonly active: Record<string, number> = { [OLD]: 0, [NEW]: 0 };
  /** The program ended its work before the change at which it was to be killed. */
  ended = 0;

  constructor(
    private readonly bin: UpdateBin,
    private readonly faults: FileFaults,
    private readonly data: string,
    private readonly before: string,
  ) {}

  /** Returns the changes of an update without a kill. */
  async count(): Promise<readonly string[]> {
    await this.#begin();
    this.faults.count();
    await this.bin.installs(NEW);
    this.faults.off();
    const { changes } = this.faults;
    await this.bin.stop();
    return changes;
  }

  async killAt(at: number, findings: Findings): Promise<void> {
    const problem = (text: string) => findings.problem(`killed at change ${at}: ${text}`);
    await this.#begin();
    this.faults.killAt(at);
    const end = await Promise.race([
      this.bin.program.ended(),
      this.bin.install(NEW).then(
        () => 'installed',
        () => this.bin.program.ended(),
      ),
    ]);
    this.faults.off();
    if (end === 'installed') this.ended += 1;
    this.bin.program.kill('SIGKILL');
    await this.bin.program.ended();

    await this.bin.start();
    const { current, phase } = await this.bin.status();
    this.active[current.version] = (this.active[current.version] ?? 0) + 1;
    if (phase !== 'idle' && phase !== 'watching') problem(`the phase is ${phase}`);
    this.#check(current.version, problem);
    await this.bin.sortsOn(1);
    const { task, current: next } = await this.bin.install(NEW);
    if (task?.fault || next.version !== NEW) problem(`the next update fails: ${JSON.stringify(task?.fault)}`);
    this.#check(NEW, problem);
    const left = ['part', 'metadata/staging'].filter(
      (name) => namesIn(join(this.data, 'models', name)).length > 0,
    );
    if (left.length > 0) problem(`${left} is not empty`);
    this.bin.program.kill('SIGKILL');
    await this.bin.program.ended();
  }

  async #begin(): Promise<void> {
    await rm(this.data, { recursive: true, force: true });
    copyFolder(this.before, this.data);
    this.faults.off();
    await this.bin.start(this.faults.environment);
  }

  /** Compares the files of the active slot with the metadata that the owner has signed. */
  #check(version: string, problem: (text: string) => void): void {
    const models = join(this.data, 'models');
    const target = readlinkSync(join(models, 'current'));
    if (target !== `slots/waste12@${version}`) problem(`${version} is active, but current is ${target}`);
    const slot = join(models, target);
    const found = namesIn(slot).map((name) => `${name} ${sha256(join(slot, name))}`);
    const signed = this.#signed(version);
    if (JSON.stringify(found.sort()) !== JSON.stringify(signed.sort()))
      problem(`${version} is not whole: ${found.filter((one) => !signed.includes(one))}`);
  }

  #signed(version: string): string[] {
    const { files } = this.bin.repository;
    const newest =
      [...files.keys()]
        .filter((path) => path.endsWith('.targets.json'))
        .sort()
        .at(-1) ?? '';
    const { signed } = JSON.parse(files.get(newest)?.toString() ?? '{}') as {
      signed: { targets: Record<string, { hashes: { sha256: string } }> };
    };
    const folder = `waste12/${version}/`;
    return Object.entries(signed.targets)
      .filter(([path]) => path.startsWith(folder))
      .map(([path, { hashes }]) => `${relative(folder, path)} ${hashes.sha256}`);
  }
}

/** Copies a folder with its hard links, which Node's `cp` does not keep. */
const copyFolder = (from: string, to: string) => execFileSync('cp', ['-a', from, to]);

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Returns the paths of all files below a folder. */
const namesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    : [];
