import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { BinEvent } from '../../../device/cycle/event.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../../device/network/commands/commands.js';
import { sendCommand } from '../../../device/network/commands/send-command.js';
import { residentMb, visionOf } from '../processes.js';
import { inFolder, type LogLine, Sortbin } from '../sortbin.js';
import { until } from '../until.js';
import { HOSTILE_CAMERAS, type HostileCamera } from './cameras.js';
import { type HostileFrame, NORMAL_LABEL } from './frames.js';

/** If no item has ended within this time, the driver may wait for an image. It then receives dark ones. */
const DELIVERY_MS = 300;
const ITEM_MS = 60_000;
const WARM_UP = 10;
const MAX_RESTARTS = 3;
const ERROR_LEVEL = 50;

export interface HostileReport {
  /** Number of items by the way their frames were made, and by their outcome and fault. */
  readonly items: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly total: number;
  readonly restarts: { readonly vision: number; readonly camera: number };
  readonly longestMs: number;
  /** Resident memory after the first items and at the end, in MB. */
  readonly memoryMb: {
    readonly daemon: readonly [number, number];
    readonly vision: readonly [number, number];
  };
  /** What must not happen. Empty: the run has passed. */
  readonly problems: readonly string[];
}

/** Sends hostile frames as items through a daemon with a fake camera program. The same seed gives the same frames. */
export const runHostile = async (
  name: keyof typeof HOSTILE_CAMERAS,
  seed: number,
  count: number,
): Promise<HostileReport> => {
  const camera = await HOSTILE_CAMERAS[name]();
  const config = `
trigger: { driver: command }
camera: ${camera.config}
cycle: { captureMs: 30000, classifyMs: 30000 }
gate: { moveMs: 0 }
mqtt: { embedded: { port: 0 } }
`;
  let report: HostileReport | null = null;
  try {
    await inFolder(config, async (folder) => {
      report = await new HostileRun(new Sortbin(['run'], folder), folder, camera).run(seed, count);
    });
  } finally {
    await camera.remove();
  }
  assert.ok(report);
  return report;
};

class HostileRun {
  readonly #items: Record<string, Record<string, number>> = {};
  readonly #problems: string[] = [];
  #total = 0;
  #longestMs = 0;
  /** Number of log lines that were read. */
  #read = 0;

  constructor(
    private readonly bin: Sortbin,
    private readonly folder: string,
    private readonly camera: HostileCamera,
  ) {}

  async run(seed: number, count: number): Promise<HostileReport> {
    const { bin, camera } = this;
    await bin.waitForLog(/^the camera delivers frames$/);
    await bin.waitForCommands();
    const normal = await camera.normal();
    for (let item = 0; item < WARM_UP; item++) await this.#sort(normal);
    const first = this.#memory();
    for await (const frame of camera.frames(seed, count)) this.#count(frame.kind, await this.#sort(frame));
    const last = this.#memory();
    await this.#sort(normal);
    const restarts = this.#restarts();
    bin.kill('SIGTERM');
    const code = await bin.ended();
    if (code !== 0) this.#problems.push(`the daemon ended with ${code}`);
    this.#checkLog();
    return {
      items: this.#items,
      total: this.#total,
      restarts,
      longestMs: this.#longestMs,
      memoryMb: { daemon: [first.daemon, last.daemon], vision: [first.vision, last.vision] },
      problems: this.#problems,
    };
  }

  /** Sorts one item with a frame. Returns its fault, or its outcome. */
  async #sort({ kind, bytes }: HostileFrame): Promise<string> {
    this.camera.play(bytes);
    const startMs = performance.now();
    await this.#trigger();
    let item: BinEvent | undefined;
    const isFinished = () => {
      item ??= this.#nextItem();
      return item !== undefined;
    };
    const isDelivered = await until('the item', isFinished, DELIVERY_MS).then(
      () => true,
      () => false,
    );
    if (!isDelivered && kind !== 'normal') this.camera.playDark();
    await until(() => `an item. The output is:\n${this.#output}`, isFinished, ITEM_MS);
    this.#longestMs = Math.max(this.#longestMs, performance.now() - startMs);
    const { outcome = '', fault, decision, frame } = item ?? {};
    if (kind === 'normal' && decision?.label !== NORMAL_LABEL)
      this.#problems.push(
        `a normal image was not classified: ${outcome} ${fault?.message ?? decision?.label}`,
      );
    if (!isDelivered && fault?.code === 'picture-dark') return 'skipped by the driver';
    return fault?.code ?? (frame ? outcome : `${outcome} without a frame`);
  }

  async #trigger(): Promise<void> {
    const socket = join(this.folder, 'data', CONTROL_SOCKET);
    for (;;) {
      const answer = await sendCommand(socket, { command: 'trigger' }, new SystemClock());
      assert.ok(answer.ok, `no trigger: ${JSON.stringify(answer)}. The output is:\n${this.#output}`);
      if (answer.value === 'taken') return;
    }
  }

  /** The end of the output of the daemon. */
  get #output(): string {
    return this.bin.text.slice(-5_000);
  }

  #nextItem(): BinEvent | undefined {
    const { lines } = this.bin;
    while (this.#read < lines.length) {
      const item = lines[this.#read++]?.item as BinEvent | undefined;
      if (item && item.outcome !== 'ignored') return item;
    }
    return undefined;
  }

  #count(kind: string, outcome: string): void {
    const row = this.#items[kind] ?? {};
    this.#items[kind] = { ...row, [outcome]: (row[outcome] ?? 0) + 1 };
    this.#total += 1;
  }

  #restarts(): HostileReport['restarts'] {
    const isRestart = ({ msg }: LogLine) => msg === 'scheduled a restart of the vision process';
    const restarts = { vision: this.bin.lines.filter(isRestart).length, camera: this.camera.starts() - 1 };
    for (const [part, count] of Object.entries(restarts))
      if (count > MAX_RESTARTS) this.#problems.push(`the ${part} process was restarted ${count} times`);
    return restarts;
  }

  /** Warnings are expected, errors are not. Node prints an unhandled exception on standard error. */
  #checkLog(): void {
    const { lines, stderr } = this.bin;
    if (stderr !== '') this.#problems.push(`the daemon wrote on standard error: ${stderr.slice(0, 2_000)}`);
    for (const line of lines)
      if (line.level >= ERROR_LEVEL) this.#problems.push(`error in the log: ${line.msg}`);
  }

  #memory(): { readonly daemon: number; readonly vision: number } {
    const { pid } = this.bin;
    return { daemon: Math.round(residentMb(pid)), vision: Math.round(residentMb(visionOf(pid) ?? 0)) };
  }
}
