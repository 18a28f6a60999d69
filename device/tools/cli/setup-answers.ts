import { readConfigText } from '../../config/config-text.js';
import { fragmentsAt, type Path, unionMembers } from '../../config/json-schema.js';
import { parseConfig } from '../../config/load.js';
import { ConfigError, type Problem } from '../../config/problems.js';
import { jsonSchema } from '../../config/schema.js';
import { cutSecrets, readableSecrets } from '../../config/secrets.js';
import { readYaml, type YamlFile } from '../../config/yaml.js';
import { isMapping, mergePatches, type Patch, SetupError } from '../setup/setup.js';

/** The answers of a setup without questions. */
export interface Answers {
  readonly patch: Patch;
  /** Warnings about the answers file, for people. */
  readonly warnings: readonly string[];
  /** Returns the error of the changed configuration as an error of the answers, with their lines. */
  explain(error: ConfigError): ConfigError;
}

/**
 * Reads an answers file, and adds the texts `KEY=VALUE`. null: there is neither. The values are checked later, together
 * with the present configuration.
 * @throws ConfigError if the file cannot be read or parsed, or SetupError `setup-answer`
 */
export const readAnswers = async (
  path: string | undefined,
  set: readonly string[],
): Promise<Answers | null> => {
  if (path === undefined && set.length === 0) return null;
  const file = path === undefined ? null : await readFileAnswers(path);
  const source = path ?? '--set';
  return {
    patch: set.map(answerFrom).reduce(mergePatches, file?.patch ?? {}),
    warnings: file?.warnings ?? [],
    explain: ({ code, problems, cause }) =>
      new ConfigError(
        code,
        source,
        problems.map((problem) => ({ ...problem, line: file ? lineOf(problem, file) : null })),
        { cause },
      ),
  };
};

interface FileAnswers {
  readonly patch: Patch;
  readonly warnings: readonly string[];
  readonly lineAt: YamlFile['lineAt'];
}

const readFileAnswers = async (path: string): Promise<FileAnswers> => {
  const text = await readConfigText(path, 'Name an existing file with --answers.');
  const yaml = readYaml(text, path);
  const value = withoutAliases(yaml.value, path);
  // Only a mapping can be merged. The check of the configuration explains anything else.
  if (!isMapping(value)) parseConfig(text, path);
  const patch = isMapping(value) ? value : {};
  const { url, password } = isMapping(patch.mqtt) ? patch.mqtt : {};
  const secrets = {
    url: typeof url === 'string' && URL.canParse(url) ? url : null,
    password: typeof password === 'string' ? password : null,
    ...{ passwordFile: null, key: null },
  };
  const warnings = [
    ...cutSecrets(jsonSchema(), yaml),
    ...(await readableSecrets(secrets, path, yaml.lineAt)),
  ];
  return {
    patch,
    warnings: warnings.map(({ line, message }) => `${path}:${line}: warning: ${message}`),
    lineAt: yaml.lineAt,
  };
};

/** Copies what aliases share. @throws ConfigError if a value contains itself */
const withoutAliases = (value: unknown, path: string, outer: readonly unknown[] = []): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (outer.includes(value)) {
    const message = 'A value contains itself, through an alias. Write it without aliases.';
    const problem = { path: '', value: null, allowed: 'YAML without recursive aliases', line: null, message };
    throw new ConfigError('config-syntax', path, [problem]);
  }
  const copy = (inner: unknown) => withoutAliases(inner, path, [...outer, value]);
  if (Array.isArray(value)) return value.map(copy);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
};

/** Returns the line of an answer. null: the problem is not in the file. */
const lineOf = ({ path }: Problem, { patch, lineAt }: FileAnswers): number | null => {
  const keys = [...path.matchAll(/\[(\d+)\]|\["(.*?)"\]|([^.[]+)/g)].map(([, index, quoted, key]) =>
    index === undefined ? (quoted ?? key ?? '') : Number(index),
  );
  return keys[0] !== undefined && keys[0] in patch ? lineAt(keys) : null;
};

/**
 * Returns the answer of `a.b=VALUE`. The value of a text is taken as it is. Any other value is YAML. `null` removes a key.
 * The messages do not contain the value, which may be a password.
 */
const answerFrom = (text: string): Patch => {
  const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const path = key.split('.');
  if (key === '' || path.includes('__proto__'))
    throw new SetupError('setup-answer', '--set: not of the form KEY=VALUE. Use, for example, bin.id=hall.');
  const answer = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), valueFrom(path, value));
  return answer as Patch;
};

const valueFrom = (path: Path, value: string): unknown => {
  if (/^\s*(null|~)?\s*$/.test(value)) return null;
  if (isText(path)) return value;
  const source = `--set ${path.join('.')}`;
  return withoutAliases(readYaml(value, source).value, source);
};

/** Whether the configuration has only texts at the path. */
const isText = (path: Path): boolean => {
  const members = fragmentsAt(jsonSchema(), undefined, path)
    .flatMap(unionMembers)
    .filter(({ type }) => type !== 'null');
  return members.length > 0 && members.every(({ type }) => type === 'string');
};
