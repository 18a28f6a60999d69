import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BinEvent } from '../../../../device/cycle/event.js';
import type { StatusAnswer } from '../../../../device/daemon/status-answer.js';
import type { ModelStatus } from '../../../../device/daemon/update-commands.js';
import { SystemClock } from '../../../../device/kit/clock.js';
import { messageOf } from '../../../../device/kit/errors.js';
import { CONTROL_SOCKET } from '../../../../device/network/commands/commands.js';
import { sendCommand } from '../../../../device/network/commands/send-command.js';
import { inFolder, Sortbin } from '../../sortbin.js';
import { until } from '../../until.js';
import { PublishedRepository } from './published.js';

const POLL_MS = 50;
const TASK_MS = 300_000;
const ITEMS_MS = 60_000;
const START_MS = 60_000;
const ATTEMPTS = 5;

/** The scripted vision of a bin that needs no model. It starts in an instant, and its gates test no runtime. */
export const SIMULATED = { driver: 'simulated', script: [{ label: 'paper' }] };

const DEFAULTS = {
  trigger: { driver: 'interval', everyMs: 100 },
  vision: SIMULATED,
  gate: { moveMs: 1 },
  camera: { delayMs: 0 },
  mqtt: { embedded: { port: 0 } },
};

/** `sortbin run` with a repository, and an item every 100 ms. */
export class UpdateBin {
  #program: Sortbin | null = null;
  #socket: string;

  private constructor(
    readonly folder: string,
    readonly repository: PublishedRepository,
  ) {
    this.#socket = join(folder, 'data', CONTROL_SOCKET);
  }

  /**
   * Calls `use` with a bin that is not started. `config`: replaces parts of the configuration. `nowMs`: the time of the
   * machine that makes the repository.
   */
  static async use(config: object, use: (bin: UpdateBin) => Promise<void>, nowMs?: number): Promise<void> {
    await inFolder('', async (folder) => {
      const repository = await PublishedRepository.open(join(folder, 'release'), nowMs);
      try {
        const bin = new UpdateBin(folder, repository);
        bin.configure(config);
        await use(bin);
      } finally {
        await repository.close();
      }
    });
  }

  configure(config: object): void {
    const { root, server } = this.repository;
    const update = { url: server.url.href.replace(/\/$/, ''), root };
    // YAML contains JSON.
    const text = JSON.stringify({ ...DEFAULTS, update, log: { format: 'json' }, ...config });
    writeFileSync(join(this.folder, 'sortbin.yaml'), text);
  }

  /**
   * Starts the program, and waits until it sorts. `prefix`: a command that starts it. `dataDir`: where this process finds
   * the data of the bin.
   */
  async start(
    environment: Readonly<Record<string, string>> = {},
    prefix: readonly string[] = [],
    dataDir = join(this.folder, 'data'),
  ): Promise<Sortbin> {
    this.#socket = join(dataDir, CONTROL_SOCKET);
    this.#program = new Sortbin(['run'], this.folder, environment, 'pipe', prefix);
    for (const endMs = performance.now() + START_MS; !(await this.#isSorting()); await wait(POLL_MS))
      assert.ok(performance.now() < endMs, `the bin sorts. The output is:\n${this.#program.text}`);
    return this.#program;
  }

  async #isSorting(): Promise<boolean> {
    try {
      const { state } = await this.send<StatusAnswer>({ command: 'status' });
      return state.cycle !== 'new';
    } catch {
      return false;
    }
  }

  get program(): Sortbin {
    assert.ok(this.#program, 'the bin was started');
    return this.#program;
  }

  async stop(): Promise<void> {
    this.program.kill('SIGTERM');
    assert.equal(await this.program.ended(), 0, this.program.text.slice(-4_000));
  }

  /** The events of items since the start of the program, without ignored triggers. */
  get items(): readonly BinEvent[] {
    return this.program.lines.flatMap(({ item }) =>
      item && (item as BinEvent).outcome !== 'ignored' ? [item as BinEvent] : [],
    );
  }

  get sorted(): number {
    return this.items.filter(({ outcome }) => outcome === 'sorted').length;
  }

  /** Waits until the bin has sorted so many more items. */
  async sortsOn(count = 3): Promise<void> {
    const before = this.sorted;
    await until(
      () => `${count} more items are sorted. The output is:\n${this.program.text.slice(-4_000)}`,
      () => this.sorted >= before + count,
      ITEMS_MS,
    );
  }

  async send<T>(request: { readonly command: string; readonly [key: string]: unknown }): Promise<T> {
    const answer = await sendCommand(this.#socket, request, new SystemClock());
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer.value as T;
  }

  /** Asks again if a busy machine does not answer in time. */
  async status(): Promise<ModelStatus> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await this.send<ModelStatus>({ command: 'model.status' });
      } catch (thrown) {
        if (attempt === ATTEMPTS || !/no answer within/.test(messageOf(thrown))) throw thrown;
      }
  }

  /** The codes of the faults that the bin reports for updates, as in `sortbin status`. */
  async faults(): Promise<readonly string[]> {
    const { state } = await this.send<StatusAnswer>({ command: 'status' });
    return state.faults.flatMap(({ part, code }) => (part === 'updates' ? [code] : []));
  }

  /** Sends a request, for example `model.check`, and waits for its end. */
  async task(name: string, keys: object = {}): Promise<ModelStatus> {
    await this.send({ command: `model.${name}`, ...keys });
    const endMs = performance.now() + TASK_MS;
    for (;;) {
      const status = await this.status();
      if (!status.task?.isRunning) return status;
      assert.ok(performance.now() < endMs, `model.${name} ends: ${JSON.stringify(status)}`);
      await wait(POLL_MS);
    }
  }

  /** Installs the newest bundle, or another one. Returns the status when that has ended. */
  install(version?: string): Promise<ModelStatus> {
    return this.task('install', version === undefined ? {} : { bundle: { name: 'waste12', version } });
  }

  /** Installs a bundle, which must become active. */
  async installs(version: string): Promise<void> {
    const { current, task } = await this.install(version);
    assert.deepEqual([current.version, task?.fault], [version, null], this.program.text.slice(-4_000));
  }

  /** Tries to install a bundle, which must fail. Returns the fault, for example to check its code. */
  async refuses(version?: string): Promise<{ readonly code: string; readonly message: string }> {
    const { task, current } = await this.install(version);
    assert.ok(task?.fault, `${current.version} is active`);
    return task.fault;
  }
}
