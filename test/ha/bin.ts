import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SystemClock } from '../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { sendCommand } from '../../device/network/commands/send-command.js';
import { Sortbin } from '../support/sortbin.js';

/** The sections of a configuration. */
export interface BinConfig {
  readonly mqtt?: object;
  readonly [section: string]: unknown;
}

const DEFAULTS = {
  trigger: { driver: 'command' },
  vision: { driver: 'simulated', script: [{ label: 'paper' }] },
  gate: { moveMs: 20 },
  camera: { delayMs: 0 },
  log: { format: 'json' },
};

/** A simulated bin that announces itself to Home Assistant. It is not started. */
export class Bin {
  #program: Sortbin | null = null;

  constructor(
    readonly folder: string,
    private readonly brokerUrl: string,
    config: BinConfig,
  ) {
    mkdirSync(folder);
    this.configure(config);
  }

  /** Replaces the configuration, which takes effect at the next start. */
  configure({ mqtt, ...sections }: BinConfig): void {
    const connection = { url: this.brokerUrl, homeAssistant: { enabled: true }, ...mqtt };
    // YAML contains JSON.
    const text = JSON.stringify({ ...DEFAULTS, ...sections, mqtt: connection });
    writeFileSync(join(this.folder, 'sortbin.yaml'), text);
  }

  /** Waits until the bin sorts. */
  async start(): Promise<void> {
    this.#program = new Sortbin(['run'], this.folder);
    await this.#program.waitForCommands();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#program?.kill(signal);
    await this.#program?.ended();
    this.#program = null;
  }

  /** Stops the bin, changes its configuration and starts it again. */
  async restartWith(config: BinConfig): Promise<void> {
    await this.stop();
    this.configure(config);
    await this.start();
  }

  /** Sends a command to the control socket, as the command line does. */
  async send(command: string, keys: object = {}): Promise<unknown> {
    const socket = join(this.folder, 'data', CONTROL_SOCKET);
    const answer = await sendCommand(socket, { command, ...keys }, new SystemClock());
    if (!answer.ok) throw new Error(`${command}: ${JSON.stringify(answer)}`);
    return answer.value;
  }

  /** Warnings and errors in the log of the last start. */
  get warnings(): string[] {
    const WARN = 40;
    return (this.#program?.lines ?? [])
      .filter(({ level }) => level >= WARN)
      .map((line) => JSON.stringify(line));
  }
}
