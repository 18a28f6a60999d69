import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BinEvent } from '../../../device/cycle/event.js';
import { type LogLine, Sortbin } from '../../support/sortbin.js';
import { until } from '../../support/until.js';
import type { GpioSim } from './gpio-sim.js';

const BOUND_MS = 60_000;
const IDLE = /^cycle: idle$/;

/** The chip of the daemon's bin, and its lines. */
export const CHIP = 'bin';
export const LINES = ['sensor', 'lid', 'paper', 'glass'] as const;
type LineName = (typeof LINES)[number];

/** For so long each way's output is on; into the glass it is long enough for something to happen. */
export const ON_MS = { paper: 400, glass: 3_000 };
export const MAX_ON_MS = 4_000;
export const SETTLE_MS = 800;
const MIN_GAP_MS = 300;
/** The kernel looks at the level a moment after an edge: what is shorter than that can look like two ends. */
const PASSAGE_MS = 25;

const at = (line: LineName) => `chip: ${CHIP}, offset: ${LINES.indexOf(line)}`;

/** Two ways and two compartments into which things fall; no model is needed. `labels`: what is seen, one an item. */
const configuration = (labels: readonly string[], sensorDebounceMs: number): string => {
  const way = (line: 'paper' | 'glass') =>
    `{ output: { ${at(line)}, maxOnMs: ${MAX_ON_MS}, minOffMs: 0 }, onMs: ${ON_MS[line]}, settleMs: ${SETTLE_MS} }`;
  // Emulation is slow; nothing here is about a step that takes too long.
  return `
log: { level: debug, format: json }
mqtt: { embedded: { port: 0 } }
vision: { driver: simulated, script: [${labels.map((label) => `{ label: ${label} }`).join(', ')}] }
camera: { driver: simulated, delayMs: ${20 * PASSAGE_MS} }
lines: { answerMs: 10000 }
cycle: { captureMs: 20000, recordMs: 20000, levelMs: 20000, homeRetryMs: 500 }
trigger: { driver: line, input: { ${at('sensor')}, debounceMs: ${sensorDebounceMs} }, minGapMs: ${MIN_GAP_MS} }
gate:
  driver: lines
  lid: { ${at('lid')}, debounceMs: 0 }
  compartments:
    paper: ${way('paper')}
    glass: ${way('glass')}
  passive: [packaging, residual]
`;
};

/** The daemon itself as its own process, and what its log says. */
export class DaemonRun {
  readonly #sortbin: Sortbin;
  /** The phases and events of the log up to here were waited for. */
  #idles = 0;
  #events = 0;

  private constructor(
    private readonly sim: GpioSim,
    private readonly folder: string,
  ) {
    this.#sortbin = new Sortbin(['run', '-c', 'sortbin.yaml'], folder);
  }

  static async start(
    sim: GpioSim,
    labels: readonly string[],
    { sensorDebounceMs = 0 } = {},
  ): Promise<DaemonRun> {
    const folder = await mkdtemp(join(tmpdir(), 'daemon-'));
    await writeFile(join(folder, 'sortbin.yaml'), configuration(labels, sensorDebounceMs));
    return new DaemonRun(sim, folder);
  }

  get stderr(): string {
    return this.#sortbin.stderr;
  }

  /** Waits for a line of the log that matches. */
  async said(pattern: RegExp): Promise<LogLine> {
    const find = () => this.#sortbin.lines.find(({ msg }) => pattern.test(msg));
    await this.#until(`the log says ${pattern}`, () => find() !== undefined);
    return find() as LogLine;
  }

  /** Waits until it waits for items. */
  async idle(): Promise<void> {
    const count = () => this.#sortbin.lines.filter(({ msg }) => IDLE.test(msg)).length;
    await this.#until('the bin is idle', () => count() > this.#idles);
    this.#idles = count();
  }

  /** Waits for so many events more, and gives all that there are. */
  async events(count: number): Promise<BinEvent[]> {
    const all = () =>
      this.#sortbin.lines.flatMap(({ item }) => (item === undefined ? [] : [item as BinEvent]));
    await this.#until(`${count} events more`, () => all().length >= this.#events + count);
    const events = all().slice(this.#events);
    this.#events += events.length;
    return events;
  }

  /** Something comes to the sensor, later than the last passage, and stays there. */
  async comes(): Promise<void> {
    await wait(2 * MIN_GAP_MS);
    this.sim.pull('sensor', 'up');
  }

  /** … and passes, before the frame is there. */
  async passes(): Promise<void> {
    await this.comes();
    await wait(PASSAGE_MS);
    this.sim.pull('sensor', 'down');
  }

  /** Something passes the sensor; gives the only event of it, once the bin waits for items again. */
  async sorts(): Promise<BinEvent | undefined> {
    await this.passes();
    await this.idle();
    const events = await this.events(1);
    return events.length === 1 ? events[0] : undefined;
  }

  kill(signal: NodeJS.Signals): void {
    this.#sortbin.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals> {
    return this.#sortbin.ended();
  }

  /** By force, whatever it does. */
  async end(): Promise<void> {
    this.kill('SIGKILL');
    await this.ended();
    await rm(this.folder, { recursive: true });
    // Its sortbin-io ends a moment later.
    const holds = (line: LineName) => this.sim.info(line).consumer.startsWith('sortbin');
    await until('it holds no line', () => !LINES.some(holds), BOUND_MS);
  }

  #until(what: string, holds: () => boolean): Promise<void> {
    const { output } = this.#sortbin;
    return until(what, holds, BOUND_MS).catch((late: Error) => {
      throw new Error(`${late.message}; it says:\n${output.join('\n')}\n${this.stderr}`);
    });
  }
}
