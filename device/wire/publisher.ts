import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Clock } from '../kit/clock.js';
import { type CredentialError, type Credentials, findUnusableFiles } from '../network/mqtt/credentials.js';
import type { EmbeddedBroker, Outbox, Publisher } from '../network/mqtt/mqtt.js';
import { OutboxPublisher } from '../network/mqtt/outbox-publisher.js';
import type { LoadedConfig } from './loaded-config.js';

/** The broker that the publisher connects to. */
export interface PublisherBroker {
  readonly url: string;
  /** Whether it is the embedded broker, which supports MQTT 3.1.1 only. */
  readonly isEmbedded: boolean;
}

/** Returns the URL of a broker for people, without the user name and the password that it may contain. */
export const urlWithoutLogin = (url: string): string => {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
};

/** File name, in `dataDir`. */
const TOPICS_FILE = 'retained-topics.json';

export const wirePublisher = (
  { config, folder, log }: LoadedConfig,
  { url, isEmbedded }: PublisherBroker,
  outbox: Outbox,
  clock: Clock,
): Publisher => {
  const { mqtt, bin } = config;
  const options = {
    prefix: mqtt.prefix,
    bin: bin.id,
    broker: {
      url,
      clientId: clientIdOf(mqtt.prefix, bin.id),
      keepaliveSeconds: mqtt.keepaliveS,
      ...(isEmbedded ? { protocolVersion: 4 as const } : {}),
      ...credentialsOf(mqtt, folder),
    },
    // The embedded broker keeps nothing.
    ...(isEmbedded ? {} : { topicsFile: join(resolve(folder, config.dataDir), TOPICS_FILE) }),
    window: mqtt.window,
    proveRights: mqtt.proveRights && !isEmbedded,
    pubackDeadlineMs: mqtt.pubackMs,
    backoff: mqtt.backoff,
  };
  return new OutboxPublisher(outbox, options, { clock, random: Math.random, log });
};

/**
 * Returns the client id of a bin, which no other bin has. A bin id begins with a letter or a digit, so "-" before it is the
 * separator. In the prefix, "-" becomes "--", and "/" becomes "-_".
 */
export const clientIdOf = (prefix: string, bin: string): string =>
  `${prefix.replaceAll('-', '--').replaceAll('/', '-_')}-${bin}`;

/** The credential of systemd that is used if a user name has no password. */
const PASSWORD_CREDENTIAL = 'mqtt-password';

/** systemd shows the files in this folder only to the service that runs. */
const SYSTEMD_FOLDER = '/run/credentials/';

/** Whether a file of the section `mqtt` exists only for the service that runs. */
export const isServiceFile = (file: string | null): boolean => file?.startsWith(SYSTEMD_FOLDER) ?? false;

/** Returns the error of each unusable file of the section `mqtt`, without the files of the service. */
export const findUnusableMqttFiles = ({
  config: { mqtt },
  folder,
}: Pick<LoadedConfig, 'config' | 'folder'>): Promise<CredentialError[]> => {
  const { passwordFile, caFile, client } = credentialsOf(mqtt, folder);
  return findUnusableFiles({
    ...(passwordFile === undefined || isServiceFile(passwordFile) ? {} : { passwordFile }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(client === undefined || isServiceFile(client.keyFile) ? {} : { client }),
  });
};

const credentialsOf = (mqtt: Config['mqtt'], folder: string): Credentials => {
  const { username, password, ca, cert, key } = mqtt;
  const passwordFile = mqtt.passwordFile ?? (password === null ? systemdCredential() : null);
  const inFolder = (name: string) => resolve(folder, name);
  return {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(username === null || passwordFile === null ? {} : { passwordFile: inFolder(passwordFile) }),
    ...(ca === null ? {} : { caFile: inFolder(ca) }),
    ...(cert === null || key === null
      ? {}
      : { client: { certFile: inFolder(cert), keyFile: inFolder(key) } }),
  };
};

const systemdCredential = (): string | null => {
  const { CREDENTIALS_DIRECTORY: credentials } = process.env;
  if (!credentials) return null;
  const file = join(credentials, PASSWORD_CREDENTIAL);
  return isEmptyOrMissing(file) ? null : file;
};

/** The unit sets an empty line if the owner of the bin has given no password. */
const isEmptyOrMissing = (file: string): boolean => {
  try {
    return readFileSync(file, 'utf8').trim() === '';
  } catch {
    return true;
  }
};

/** Starts the embedded broker. Imports it only when it is used, to save memory. */
export const startBroker = async (
  options: Config['mqtt']['embedded'],
  clock: Clock,
  log: Logger,
): Promise<EmbeddedBroker> => {
  const { startEmbeddedBroker } = await import('../network/mqtt/embedded/embedded-broker.js');
  return startEmbeddedBroker(options, { clock, log });
};
