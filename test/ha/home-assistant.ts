import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../device/kit/root.js';
import { freePorts } from '../support/brokers/ports.js';
import { ServerProcess } from '../support/brokers/server-process.js';
import { until } from '../support/until.js';
import { HomeAssistantApi } from './api.js';

const START_MS = 60_000;
const CACHE =
  process.env.SORTBIN_HA_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sortbin-ha');
export const PYTHON = join(CACHE, 'venv/bin/python');
/** Home Assistant keeps the log of the run before this one under another name. */
const LOG = 'home-assistant.log';
/** About this installation. */
const HARMLESS = ['Skipping pip installation of required modules', 'zlib_ng and isal are not available'];

/** Returns the path of a Python program of this folder. */
export const programOf = (name: string): string => join(packageRoot(), 'test/ha', name);

/** A Home Assistant core on loopback, which keeps its settings and its port over restarts. */
export class HomeAssistant extends HomeAssistantApi {
  #process: ServerProcess | null = null;
  #starts = 0;
  /** Warnings and errors of the runs that have ended. */
  #troubles: string[] = [];

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly brokerPort: number,
    private readonly hasFrontend: boolean,
  ) {
    super(`http://127.0.0.1:${port}`);
  }

  /** Makes a Home Assistant that is not started. `hasFrontend`: with its web pages. */
  static async make(parent: string, brokerPort: number, hasFrontend: boolean): Promise<HomeAssistant> {
    if (!existsSync(PYTHON)) throw new Error(`no ${PYTHON}. Run "test/ha/setup".`);
    if (hasFrontend && !existsSync(join(CACHE, 'frontend')))
      throw new Error('no web pages. Run "test/ha/setup --frontend".');
    const folder = join(parent, 'home-assistant');
    mkdirSync(folder);
    const [port = 0] = await freePorts(1);
    return new HomeAssistant(folder, port, brokerPort, hasFrontend);
  }

  /** Waits until it has started, and its MQTT client is connected. */
  async start(): Promise<void> {
    this.#starts += 1;
    const output = join(this.folder, `output-${this.#starts}`);
    const server = new ServerProcess(
      [
        PYTHON,
        programOf('launch.py'),
        ...['--broker-port', String(this.brokerPort), '--port', String(this.port)],
        ...['--config-dir', this.folder],
        ...(this.hasFrontend ? ['--frontend'] : []),
      ],
      output,
      'python3',
    );
    this.#process = server;
    await server.start();
    const answer = () => /^{"token".*}$/m.exec(readFileSync(output, 'utf8'))?.[0];
    await until(
      () => `Home Assistant has started. Its output is:\n${server.log}`,
      () => !server.isAlive || answer() !== undefined,
      START_MS,
    );
    const { token, mqtt } = JSON.parse(answer() ?? '{}');
    if (mqtt !== 'loaded') throw new Error(`Home Assistant has not connected MQTT (${mqtt}):\n${server.log}`);
    this.token = token;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#troubles = this.troubles;
    this.#process = null;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** All warnings and errors in the log since the first start, each in one text with its lines. */
  get troubles(): string[] {
    const log = join(this.folder, LOG);
    if (this.#process === null || !existsSync(log)) return this.#troubles;
    const entries = readFileSync(log, 'utf8').split(/^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/m);
    const isTrouble = (entry: string) =>
      /^\S+ \S+ (WARNING|ERROR|CRITICAL) /.test(entry) && !HARMLESS.some((text) => entry.includes(text));
    return [...this.#troubles, ...entries.filter(isTrouble)];
  }
}
