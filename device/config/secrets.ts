import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Fragment, Path } from './json-schema.js';
import type { Config } from './schema.js';
import type { YamlFile } from './yaml.js';

type MqttSecrets = Pick<Config['mqtt'], 'url' | 'password' | 'passwordFile' | 'key'>;

interface SecretWarning {
  /** The key, dotted. */
  readonly path: string;
  /** Line in the file, from 1. null: unknown. */
  readonly line: number | null;
  readonly message: string;
}

/** Returns a warning for each secret that a comment may have cut. */
export const cutSecrets = (schema: Fragment, file: YamlFile): SecretWarning[] => {
  const cut = secretPaths(schema).filter((path) => file.commentAfter(path) !== undefined);
  // The rest of a URL, not a comment.
  const isUrlCut = /^#\S*@/.test(file.commentAfter(URL_PATH) ?? '');
  return [...cut, ...(isUrlCut ? [URL_PATH] : [])].map((path) => cutSecret(path, file));
};

/** Returns a warning for each file with a secret that all users can read: `source`, and the files that it names. */
export const readableSecrets = async (
  mqtt: MqttSecrets,
  source: string,
  lineAt: YamlFile['lineAt'],
): Promise<SecretWarning[]> => {
  const warnings: SecretWarning[] = [];
  for (const { key, file, name } of secretFiles(mqtt, source)) {
    // A file that cannot be found is reported when it is used: a credential of systemd exists only while the bin runs.
    const mode = await stat(file).then(
      (info) => info.mode,
      () => 0,
    );
    if ((mode & 0o004) !== 0)
      warnings.push({
        path: key.join('.'),
        line: lineAt(key),
        message: `${key.join('.')}: all users of this machine can read ${name} (mode ${octal(mode)}). Run "chmod 600" on it.`,
      });
  }
  return warnings;
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
const secretFiles = (mqtt: MqttSecrets, source: string): SecretFile[] => {
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

const cutSecret = (path: Path, { lineAt }: YamlFile): SecretWarning => ({
  path: path.join('.'),
  line: lineAt(path),
  message: `${path.join('.')}: ends before " #", which begins a comment. If it contains #, put it in quotes.`,
});
