import { readConfigText, tooLarge } from './config-text.js';
import { fillEmptySections } from './empty-sections.js';
import type { Path } from './json-schema.js';
import { ConfigError, type Problem, problemsOf } from './problems.js';
import { type Config, configSchema, jsonSchema } from './schema.js';
import { cutSecrets, readableSecrets } from './secrets.js';
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
  for (const warning of cutSecrets(schema, file)) onWarning(warning);
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
  const { config, file } = parseText(await readConfigText(path), path, onWarning);
  for (const warning of await readableSecrets(config.mqtt, path, file.lineAt)) onWarning(warning);
  return { config, lineAt: file.lineAt };
};

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

/** Returns a warning about the file `source`, for people. */
export const warningText = (source: string, { line, message }: ConfigWarning): string =>
  `${line === null ? source : `${source}:${line}`}: warning: ${message}`;

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
