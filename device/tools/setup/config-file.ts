import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/schema.js';
import { type FileAttributes, writeDurably } from '../../kit/durable-file.js';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { hasSection, patchYaml } from './patch-yaml.js';
import { type Patch, SetupError } from './setup.js';

/** How configuration files are read and parsed. */
export interface ConfigFormat {
  /** @throws ConfigError if the file cannot be read */
  read(path: string): Promise<string>;
  /** @throws ConfigError if the text is invalid */
  parse(text: string): Config;
}

/** The group of the service may read the file, which may contain a password. */
const MODE = 0o640;
const GROUP = 'sortbin';
const HEADER = '# Written by sortbin setup. Every key that is missing here has its default.\n';

/** The configuration file that a setup changes. It may not exist yet. */
export class ConfigFile {
  readonly path: string;
  #text: string;
  #config: Config;
  #hasBackup = false;

  private constructor(
    path: string,
    private readonly format: ConfigFormat,
    text: string,
  ) {
    this.path = path;
    this.#text = text;
    this.#config = format.parse(text);
  }

  /** @throws ConfigError if the file is invalid or cannot be read */
  static async open(path: string, format: ConfigFormat): Promise<ConfigFile> {
    if (!existsSync(path)) return new ConfigFile(resolve(path), format, '');
    const text = await format.read(path);
    // Resolves a symbolic link, so that the link stays.
    return new ConfigFile(realpathSync(path), format, text);
  }

  get config(): Config {
    return this.#config;
  }

  get folder(): string {
    return dirname(this.path);
  }

  /** Reads the file again, if another program has changed it. @throws ConfigError if it is invalid or cannot be read */
  async reload(): Promise<void> {
    const text = existsSync(this.path) ? await this.format.read(this.path) : '';
    if (text === this.#text) return;
    this.#config = this.format.parse(text);
    this.#text = text;
  }

  /** @throws SetupError `setup-file` if this user cannot write the file */
  checkWritable(): void {
    try {
      accessSync(this.folder, constants.W_OK);
      if (existsSync(this.path)) accessSync(this.path, constants.W_OK);
    } catch (cause) {
      const fix = process.getuid?.() === 0 ? '' : ' Run it with sudo, or name another file with --config.';
      throw new SetupError('setup-file', `${this.path} cannot be written. ${messageOf(cause)}.${fix}`, {
        cause,
      });
    }
  }

  /** Whether the file itself has this section. Otherwise it has the defaults. */
  has(section: string): boolean {
    return hasSection(this.#text, section);
  }

  /** Returns the changed configuration, and writes nothing. @throws ConfigError, or SetupError `setup-file` */
  preview(patch: Patch): Config {
    return this.format.parse(this.#edit(patch));
  }

  /** Whether `write` would change the file. */
  isChangedBy(patch: Patch): boolean {
    return this.#edit(patch) !== this.#text;
  }

  /**
   * Writes the changes. The first write keeps the earlier file as `FILE.bak`. A power cut leaves the old or the new file.
   * Returns whether the file has changed.
   * @throws ConfigError, or SetupError `setup-file`: the file is unchanged then
   */
  write(patch: Patch): boolean {
    const text = this.#edit(patch);
    if (text === this.#text) return false;
    const config = this.format.parse(text);
    for (const [section, value] of Object.entries(config))
      if (!(section in patch) && !isDeepStrictEqual(value, Reflect.get(this.#config, section)))
        throw this.#error(
          `the edit would change ${section} too, perhaps through an anchor. Edit it by hand.`,
        );
    try {
      this.#store(text);
    } catch (cause) {
      throw cause instanceof SortbinError ? cause : this.#error(messageOf(cause), cause);
    }
    this.#text = text;
    this.#config = config;
    return true;
  }

  #store(text: string): void {
    const exists = existsSync(this.path);
    const present = exists ? readFileSync(this.path, 'utf8') : '';
    if (present !== this.#text)
      throw this.#error(
        'another program changed the file meanwhile. Repeat the step, or run sortbin setup again.',
      );
    const attributes = exists ? attributesOf(this.path) : newAttributes();
    if (exists && !this.#hasBackup) writeDurably(`${this.path}.bak`, present, attributes);
    writeDurably(this.path, text, attributes);
    // The next write must not replace the backup by a file of this setup.
    this.#hasBackup = true;
  }

  #edit(patch: Patch): string {
    try {
      const isNew = this.#text.trim() === '';
      const text = patchYaml(isNew ? HEADER : this.#text, patch);
      return isNew && text === HEADER ? this.#text : text;
    } catch (cause) {
      throw this.#error(messageOf(cause), cause);
    }
  }

  #error(problem: string, cause?: unknown): SetupError {
    return new SetupError('setup-file', `${this.path}: not changed. ${problem}`, { cause });
  }
}

const attributesOf = (path: string): FileAttributes => {
  const { uid, gid } = statSync(path);
  return { mode: MODE, owner: { uid, gid } };
};

/** If root creates the file, the group of the service owns it, so that the bin can read it. */
const newAttributes = (): FileAttributes => {
  const gid = process.getuid?.() === 0 ? groupId(GROUP) : null;
  return { mode: MODE, ...(gid === null ? {} : { owner: { uid: 0, gid } }) };
};

const groupId = (name: string): number | null => {
  const groups = existsSync('/etc/group') ? readFileSync('/etc/group', 'utf8') : '';
  const id = new RegExp(`^${name}:[^:]*:(\\d+):`, 'm').exec(groups)?.[1];
  return id === undefined ? null : Number(id);
};
