import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import type { BinEvent } from '../../../device/cycle/event.js';
import type { StatusAnswer } from '../../../device/daemon/status-answer.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../../device/network/commands/commands.js';
import { type CommandRequest, sendCommand } from '../../../device/network/commands/send-command.js';
import type { UpdateStatus } from '../../../device/update/status.js';
import { Sortbin } from '../../support/sortbin.js';
import { until } from '../../support/until.js';

/** A trigger of the bench, and what became of it. */
export interface Item {
  /** Wall time when the bench sent the trigger. */
  readonly sentMs: number;
  /** null: the bin was busy, and did not take the item. */
  readonly event: BinEvent | null;
}

/** The phases of an operation that take time, with the wall time of their beginning. */
export interface Operation {
  readonly startMs: number;
  readonly phases: readonly { readonly phase: string; readonly atMs: number }[];
  readonly endMs: number;
}

/** The parts of the topic `update` that the bench reads. */
interface UpdateMessage extends Pick<UpdateStatus, 'phase' | 'last'> {
  readonly installed: { readonly version: string };
}

const OPERATION_MS = 300_000;
const ITEM_MS = 60_000;
const POLL_MS = 5;
const ENDED = ['idle', 'watching'];

/** A bin in a separate process, to which the bench sends items and commands. The bench watches it over MQTT. */
export class BenchBin {
  readonly #sent: { readonly sentMs: number; readonly isTaken: boolean }[] = [];
  readonly #events: BinEvent[] = [];
  #update: UpdateMessage | null = null;
  #phases: { phase: string; atMs: number }[] = [];
  /** Why no more items could be sent. */
  #failure: unknown = null;
  #feeder: { isStopped: boolean; readonly ended: Promise<void> } | null = null;

  private constructor(
    private readonly bin: Sortbin,
    private readonly folder: string,
    private readonly client: MqttClient,
  ) {
    client.on('message', (topic, payload) => this.#receive(topic, JSON.parse(payload.toString())));
  }

  /** Starts the bin of a folder. Its trigger must be `command`, and its broker the embedded one. */
  static async start(folder: string): Promise<BenchBin> {
    const bin = new Sortbin(['run'], folder);
    const { url } = await bin.waitForLog(/^broker selected$/);
    await bin.waitForCommands();
    const client = await connectAsync(String(url), { protocolVersion: 4 });
    const bench = new BenchBin(bin, folder, client);
    await client.subscribeAsync(['sortbin/bin/event', 'sortbin/bin/update'], { qos: 1 });
    await until('the state of updates', () => bench.#update !== null);
    await bench.#idle();
    return bench;
  }

  async stop(): Promise<void> {
    await this.rest().catch(() => {});
    await this.client.endAsync();
    this.bin.kill('SIGTERM');
    await this.bin.ended();
  }

  /** All items so far. The bin has one item at a time, so that their events come in the same order. */
  get items(): Item[] {
    const events = this.#events.values();
    return this.#sent.map(({ sentMs, isTaken }) => ({
      sentMs,
      event: isTaken ? (events.next().value ?? null) : null,
    }));
  }

  /** Sends items from now on: one each `everyMs`. null: one when the bin is idle again. */
  feed(everyMs: number | null): void {
    const feeder = { isStopped: false };
    const run = async () => {
      for (let dueMs = performance.now(); !feeder.isStopped; ) {
        const sentMs = Date.now();
        this.#sent.push({ sentMs, isTaken: (await this.#send({ command: 'trigger' })) === 'taken' });
        dueMs += everyMs ?? 0;
        if (everyMs === null) await this.#idle();
        else await wait(dueMs - performance.now());
      }
      await this.#idle();
    };
    const ended = run().catch((thrown) => {
      this.#failure = thrown;
    });
    this.#feeder = Object.assign(feeder, { ended });
  }

  /** Sends no more items, and waits for the end of the last one. */
  async rest(): Promise<void> {
    if (!this.#feeder) return;
    this.#feeder.isStopped = true;
    await this.#feeder.ended;
    this.#feeder = null;
    if (this.#failure) throw this.#failure;
  }

  /** Waits until more items have ended. */
  async sortMore(count: number): Promise<void> {
    const wanted = this.#events.length + count;
    await this.#until('more items', () => this.#events.length >= wanted, count * ITEM_MS);
  }

  /** Runs a command that makes `version` active. @throws Error if it does not become active */
  async operate(request: CommandRequest, version: string): Promise<Operation> {
    this.#phases = [];
    const startMs = Date.now();
    await this.#send(request);
    await this.#until(`${version} is active`, () => this.#hasEnded, OPERATION_MS);
    const endMs = this.#phases.at(-1)?.atMs ?? Number.NaN;
    const { installed, last } = this.#update ?? {};
    if (installed?.version !== version) throw new Error(`${version} is not active: ${last?.reason}`);
    return { startMs, phases: this.#phases.filter(({ phase }) => !ENDED.includes(phase)), endMs };
  }

  /** Whether an operation began and ended. At its begin, the bin may still report that a bundle is trusted now. */
  get #hasEnded(): boolean {
    const phases = this.#phases.map(({ phase }) => phase);
    return phases.some((phase) => !ENDED.includes(phase)) && ENDED.includes(phases.at(-1) ?? '');
  }

  /** Waits until the bin can take an item. The topic `state` is up to a second late. */
  async #idle(): Promise<void> {
    const isDone = () => this.#sent.filter(({ isTaken }) => isTaken).length === this.#events.length;
    await this.#until('the item has ended', isDone, ITEM_MS);
    const isIdle = async () => {
      const { state } = (await this.#send({ command: 'status' })) as StatusAnswer;
      return state.cycle === 'idle';
    };
    for (const endMs = performance.now() + ITEM_MS; !(await isIdle()); await wait(POLL_MS))
      if (performance.now() > endMs) throw new Error('the bin does not become idle');
  }

  #until(expected: string, isTrue: () => boolean, timeoutMs: number): Promise<void> {
    const isTrueOrFailed = () => {
      if (this.#failure) throw this.#failure;
      return isTrue();
    };
    return until(() => `${expected}. The output is:\n${this.bin.text}`, isTrueOrFailed, timeoutMs);
  }

  async #send(request: CommandRequest): Promise<unknown> {
    const answer = await sendCommand(join(this.folder, 'data', CONTROL_SOCKET), request, new SystemClock());
    if (answer.ok) return answer.value;
    throw new Error(`${request.command}: ${answer.fault.message}`);
  }

  #receive(topic: string, message: unknown): void {
    if (topic.endsWith('/update')) {
      this.#update = message as UpdateMessage;
      const { phase } = this.#update;
      if (this.#phases.at(-1)?.phase !== phase) this.#phases.push({ phase, atMs: Date.now() });
    } else if ((message as BinEvent).outcome !== 'ignored') this.#events.push(message as BinEvent);
  }
}
