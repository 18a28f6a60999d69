import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../kit/errors.js';
import { fillEmptySections } from './empty-sections.js';
import type { Fragment, Path } from './json-schema.js';
import { ConfigError, type ConfigErrorCode, type Problem, problemsOf } from './problems.js';
import { type Config, configSchema, jsonSchema } from './schema.js';
import { MAX_BYTES, readYaml, type YamlFile } from './yaml.js';

/**
 * Parses the YAML text of a configuration. Missing keys get their defaults, so that an empty text is the default
 * configuration. Paths stay as they are written. `source` names the text in messages. `onWarning` receives what is valid,
 * but probably not meant.
 * @throws ConfigError with every problem of the text
 */
export const parseConfig = (
  text: string,
  source: string,
  onWarning: (warning: ConfigWarning) => void = () => {},
): Config => parseText(text, source, onWarning).config;

const parseText = (
  text: string,
  source: string,
  onWarning: (warning: ConfigWarning) => void,
): { config: Config; file: YamlFile } => {
  if (Buffer.byteLength(text) > MAX_BYTES) throw tooLarge(source, Buffer.byteLength(text));
  const file = readYaml(text, source);
  const { value: migrated, renamed, problems, originalPath } = migrate(file.value, file.lineAt);
  const schema = jsonSchema();
  const value = fillEmptySections(schema, migrated);
  for (const key of renamed) onWarning(key);
  for (const path of secretPaths(schema))
    if (file.commentAfter(path) !== undefined) onWarning(cutSecret(path, file));
  // The rest of a URL, not a comment.
  if (/^#\S*@/.test(file.commentAfter(URL_PATH) ?? '')) onWarning(cutSecret(URL_PATH, file));
  const result = configSchema.safeParse(value);
  if (result.success && problems.length === 0) return { config: result.data, file };
  const issues = result.error?.issues ?? [];
  const found = [...problems, ...problemsOf(issues, value, schema, file.lineAt, originalPath)];
  throw new ConfigError(
    'config-invalid',
    source,
    found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
};

/** The configuration of a file. */
export interface LoadedFile {
  readonly config: Config;
  /** Returns the line of a key, or of the innermost part around it. null: not known. */
  readonly lineAt: YamlFile['lineAt'];
}

/**
 * Reads and parses a configuration file, like `parseConfig`.
 * @throws ConfigError also if the file is missing or unreadable
 */
export const loadConfig = async (
  path: string,
  onWarning: (warning: ConfigWarning) => void = () => {},
): Promise<LoadedFile> => {
  const { config, file } = parseText(await readText(path), path, onWarning);
  for (const { key, file: secretFile, name } of secretFiles(config, path)) {
    // A file that cannot be found is reported when it is used: a credential of systemd exists only while the bin runs.
    const mode = await stat(secretFile).then(
      (info) => info.mode,
      () => 0,
    );
    if ((mode & 0o004) !== 0)
      onWarning({
        path: key.join('.'),
        line: file.lineAt(key),
        message: `${key.join('.')}: all users of this machine can read ${name} (mode ${octal(mode)}). Run "chmod 600" on it.`,
      });
  }
  return { config, lineAt: file.lineAt };
};

/** The URL may contain a user name and a password before the host. */
const URL_PATH: Path = ['mqtt', 'url'];

/** Returns the paths of the secrets in a schema. */
const secretPaths = ({ properties = {} }: Fragment): Path[] =>
  Object.entries(properties).flatMap(([key, fragment]) =>
    fragment.writeOnly ? [[key]] : secretPaths(fragment).map((path) => [key, ...path]),
  );

/** A file with a secret. */
interface SecretFile {
  /** The key with the secret, or with the path of the file. */
  readonly key: Path;
  readonly file: string;
  /** The name of the file in a message. */
  readonly name: string;
}

/** Returns the files with secrets that the configuration in `source` names, and `source` itself if it contains one. */
const secretFiles = ({ mqtt }: Config, source: string): SecretFile[] => {
  const { url, password } = mqtt;
  const hasPassword = password !== null || (url !== null && new URL(url).password !== '');
  const own: Path = ['mqtt', password === null ? 'url' : 'password'];
  return [
    ...(hasPassword ? [{ key: own, file: source, name: 'the file' }] : []),
    ...(['passwordFile', 'key'] as const).flatMap((key) => {
      const name = mqtt[key];
      return name === null ? [] : [{ key: ['mqtt', key], file: resolve(dirname(source), name), name }];
    }),
  ];
};

const octal = (mode: number): string => `0${(mode & 0o777).toString(8)}`;

/** Something in a configuration that is valid, but should be changed. */
export interface ConfigWarning {
  /** The key, dotted. */
  readonly path: string;
  /** The new name of a key with an old name, dotted. */
  readonly newPath?: string;
  /** Line in the file, from 1; null: not known. */
  readonly line: number | null;
  readonly message: string;
}

const cutSecret = (path: Path, { lineAt }: YamlFile): ConfigWarning => ({
  path: path.join('.'),
  line: lineAt(path),
  message: `${path.join('.')}: ends before " #", which begins a comment. If it contains #, put it in quotes.`,
});

/** Returns a warning about the file `source`, for people. */
export const warningText = (source: string, { line, message }: ConfigWarning): string =>
  `${line === null ? source : `${source}:${line}`}: warning: ${message}`;

const readText = async (path: string): Promise<string> => {
  try {
    const info = await stat(path);
    if (!info.isFile()) throw fileError('config-unreadable', path, 'not a regular file. Name a file.');
    if (info.size > MAX_BYTES) throw tooLarge(path, info.size);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw fileError(
        'config-missing',
        path,
        'file not found. Create one with "sortbin config init".',
        error,
      );
    const isNotUtf8 = code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    const message = isNotUtf8 ? 'not UTF-8 text. Save the file as UTF-8.' : messageOf(error);
    throw fileError('config-unreadable', path, message, error);
  }
};

const tooLarge = (source: string, bytes: number): ConfigError =>
  fileError(
    'config-unreadable',
    source,
    `the file is too large (${bytes} bytes). Use at most ${MAX_BYTES} bytes.`,
  );

const fileError = (code: ConfigErrorCode, source: string, message: string, cause?: unknown): ConfigError =>
  new ConfigError(
    code,
    source,
    [
      {
        path: '',
        value: null,
        allowed: `a file of at most ${MAX_BYTES} bytes of UTF-8 text`,
        line: null,
        message,
      },
    ],
    { cause },
  );

/** A key that has a new name. This release accepts the old name, the next release does not. */
interface Renaming {
  /** Keys of the mapping that holds the key. */
  readonly parent: readonly string[];
  readonly from: string;
  readonly to: string;
}

const RENAMINGS: readonly Renaming[] = [
  { parent: [], from: 'person', to: 'panel' },
  { parent: ['fill'], from: 'gauges', to: 'sensors' },
  { parent: ['gate'], from: 'rest', to: 'passive' },
];

interface Migrated {
  /** The input, with the new names. */
  readonly value: unknown;
  readonly renamed: readonly ConfigWarning[];
  /** One problem for each key that is present under both names. */
  readonly problems: readonly Problem[];
  /** The path in the input of a path in `value`. */
  originalPath(path: Path): Path;
}

/** Gives renamed keys their new names. If both names are present, the new one counts. */
const migrate = (input: unknown, lineAt: (path: Path) => number | null): Migrated => {
  let value = input;
  const applied: Renaming[] = [];
  const problems: Problem[] = [];
  for (const renaming of RENAMINGS) {
    const { parent, from, to } = renaming;
    const holder = parent.reduce(memberOf, value);
    if (!isMapping(holder) || !Object.hasOwn(holder, from)) continue;
    if (Object.hasOwn(holder, to)) problems.push(bothNames(renaming, lineAt([...parent, from])));
    else applied.push(renaming);
    value = withRenamedKey(value, renaming);
  }
  return {
    value,
    problems,
    renamed: applied.map((renaming) => renamedKey(renaming, lineAt)),
    originalPath: (path) => {
      const renaming = applied.find(({ parent, to }) => [...parent, to].every((key, at) => path[at] === key));
      return renaming ? path.with(renaming.parent.length, renaming.from) : path;
    },
  };
};

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const memberOf = (value: unknown, key: string): unknown => (isMapping(value) ? value[key] : undefined);

/** Copies the mappings that contain the key, because a YAML alias may share them. */
const withRenamedKey = (value: unknown, { parent, from, to }: Renaming): unknown => {
  if (!isMapping(value)) return value;
  const [key, ...rest] = parent;
  if (key !== undefined) return { ...value, [key]: withRenamedKey(value[key], { parent: rest, from, to }) };
  const { [from]: renamed, ...others } = value;
  return { [to]: renamed, ...others };
};

const textOf = (parent: readonly string[], key: string): string => [...parent, key].join('.');

const bothNames = ({ parent, from, to }: Renaming, line: number | null): Problem => ({
  path: textOf(parent, from),
  value: null,
  allowed: textOf(parent, to),
  line,
  message: `${textOf(parent, from)}: this is the old name of ${textOf(parent, to)}, which is present too. Keep only ${textOf(parent, to)}.`,
});

const renamedKey = ({ parent, from, to }: Renaming, lineAt: (path: Path) => number | null): ConfigWarning => {
  const path = textOf(parent, from);
  const newPath = textOf(parent, to);
  const message = `${path} has the new name ${newPath}. Rename it: the next release refuses the old name.`;
  return { path, newPath, line: lineAt([...parent, from]), message };
};
