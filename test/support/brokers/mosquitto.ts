import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CA_CERTIFICATE, CLIENT, SERVER } from '../network/certificates.js';
import { freePorts, untilListening } from './ports.js';
import { ServerProcess } from './server-process.js';

export interface MosquittoOptions {
  /** Users with the password `<user>-secret`, and their lines of the ACL. Undefined: no passwords, no ACL. */
  readonly users?: Readonly<Record<string, readonly string[]>>;
  /** Every change is on disk before the next one. Without it, `SIGKILL` loses all messages. */
  readonly isPersistent?: boolean;
  /** Also listens with TLS, for clients that have the certificate of a client. */
  readonly hasTls?: boolean;
  /** Further lines of the configuration. */
  readonly lines?: readonly string[];
}

/** A Mosquitto 2 on loopback. It keeps its ports and its store over restarts. */
export class Mosquitto {
  readonly process: ServerProcess;

  private constructor(
    readonly port: number,
    readonly tlsPort: number,
    readonly webSocketPort: number,
    private readonly folder: string,
  ) {
    const log = join(folder, 'mosquitto.log');
    this.process = new ServerProcess(['mosquitto', '-c', join(folder, 'mosquitto.conf')], log, 'mosquitto');
  }

  static async start(parent: string, options: MosquittoOptions = {}): Promise<Mosquitto> {
    const folder = join(parent, 'mosquitto');
    mkdirSync(folder);
    const [port = 0, tlsPort = 0, webSocketPort = 0] = await freePorts(3);
    const broker = new Mosquitto(port, tlsPort, webSocketPort, folder);
    if (options.hasTls) writeCertificates(folder);
    writeFileSync(join(folder, 'mosquitto.conf'), configOf(folder, broker, options));
    await broker.start();
    return broker;
  }

  async start(): Promise<void> {
    await this.process.start();
    // The listeners open in the order of the configuration.
    await untilListening(this.webSocketPort, () => this.process.isAlive);
    if (!this.process.isAlive) throw new Error(`mosquitto has ended:\n${this.process.log}`);
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.process.stop(signal);
  }

  /** Replaces the ACL of the users of a running broker. */
  setAcl(users: NonNullable<MosquittoOptions['users']>): void {
    writeAcl(this.folder, users);
    process.kill(this.process.pid, 'SIGHUP');
  }

  /** The files for a client of the port with TLS. */
  get clientFiles(): { readonly ca: string; readonly cert: string; readonly key: string } {
    const path = (name: string) => join(this.folder, name);
    return { ca: path('ca.crt'), cert: path('client.crt'), key: path('client.key') };
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }
}

const configOf = (folder: string, broker: Mosquitto, options: MosquittoOptions): string => {
  const { users, isPersistent = false, hasTls = false, lines = [] } = options;
  return [
    ...(users ? accessOf(folder, users) : ['allow_anonymous true']),
    // A Mosquitto that root has started changes to this user, which must be able to write to the folder.
    `user ${userInfo().username}`,
    `persistence ${isPersistent}`,
    `persistence_location ${folder}/`,
    'autosave_on_changes true',
    'autosave_interval 1',
    // With 0 for no limit, Mosquitto 2.0.11 closes the connection of a client whose message the ACL forbids.
    'max_queued_messages 1000000',
    // It writes each message to a subscriber before its PUBACK, so that its end loses nothing.
    ...(isPersistent ? ['max_inflight_messages 0'] : []),
    'log_dest stderr',
    ...lines,
    `listener ${broker.port} 127.0.0.1`,
    ...(hasTls
      ? [
          `listener ${broker.tlsPort} 127.0.0.1`,
          `cafile ${folder}/ca.crt`,
          `certfile ${folder}/server.crt`,
          `keyfile ${folder}/server.key`,
          'require_certificate true',
        ]
      : []),
    `listener ${broker.webSocketPort} 127.0.0.1`,
    'protocol websockets',
    '',
  ].join('\n');
};

/** Writes the password file and the ACL. */
const accessOf = (folder: string, users: MosquittoOptions['users'] & object): string[] => {
  const passwords = join(folder, 'passwords');
  writeFileSync(passwords, '', { mode: 0o600 });
  for (const user of Object.keys(users))
    execFileSync('mosquitto_passwd', ['-b', passwords, user, `${user}-secret`], { stdio: 'ignore' });
  writeAcl(folder, users);
  return ['allow_anonymous false', `password_file ${passwords}`, `acl_file ${folder}/acl`];
};

const writeAcl = (folder: string, users: NonNullable<MosquittoOptions['users']>): void => {
  const acl = Object.entries(users).flatMap(([user, rights]) => [`user ${user}`, ...rights, '']);
  writeFileSync(join(folder, 'acl'), acl.join('\n'));
};

const writeCertificates = (folder: string): void => {
  const files = {
    'ca.crt': CA_CERTIFICATE,
    'server.crt': SERVER.cert,
    'server.key': SERVER.key,
    'client.crt': CLIENT.cert,
    'client.key': CLIENT.key,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
};
