import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BinEvent } from '../../../device/cycle/event.js';
import { type LogLine, Sortbin } from '../../support/sortbin.js';
import { until } from '../../support/until.js';
import type { GpioSim } from './gpio-sim.js';

const DEADLINE_MS = 180_000;
const IDLE = /^cycle: idle$/;

/** The chip of the daemon's bin, and its lines. */
export const CHIP = 'bin';
export const LINES = ['sensor', 'lid', 'paper', 'glass'] as const;
type LineName = (typeof LINES)[number];

/** On-time of the output of each route. The route to the glass is long enough for a test to act during the move. */
export const ON_MS = { paper: 400, glass: 3_000 };
export const MAX_ON_MS = 4_000;
export const SETTLE_MS = 800;
const MIN_GAP_MS = 300;
/** The kernel reads the level shortly after an edge. A shorter passage can look like two edges to inactive. */
const PASSAGE_MS = 25;

const at = (line: LineName) => `chip: ${CHIP}, offset: ${LINES.indexOf(line)}`;

const SIMULATED_CAMERA = `{ driver: simulated, delayMs: ${20 * PASSAGE_MS} }`;

/** Returns a configuration with two routes and two passive compartments. It needs no model. `labels`: one for each item. */
const configuration = (labels: readonly string[], sensorDebounceMs: number, camera: string): string => {
  const route = (line: 'paper' | 'glass') =>
    `{ output: { ${at(line)}, maxOnMs: ${MAX_ON_MS}, minOffMs: 0 }, onMs: ${ON_MS[line]}, settleMs: ${SETTLE_MS} }`;
  // Emulation is slow, and no test here checks the deadline of a step.
  return `
log: { level: debug, format: json }
mqtt: { embedded: { port: 0 } }
vision: { driver: simulated, script: [${labels.map((label) => `{ label: ${label} }`).join(', ')}] }
camera: ${camera}
lines: { answerMs: 10000 }
cycle: { captureMs: 20000, recordMs: 20000, levelMs: 20000, homeRetryMs: 500 }
trigger: { driver: line, input: { ${at('sensor')}, debounceMs: ${sensorDebounceMs} }, minGapMs: ${MIN_GAP_MS} }
gate:
  driver: lines
  lid: { ${at('lid')}, debounceMs: 0 }
  compartments:
    paper: ${route('paper')}
    glass: ${route('glass')}
  passive: [packaging, residual]
`;
};

/** The daemon as a separate process, with access to its log. */
export class DaemonRun {
  readonly #sortbin: Sortbin;
  /** Number of idle phases and events of the log that a test has waited for. */
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
    { sensorDebounceMs = 0, camera = SIMULATED_CAMERA } = {},
  ): Promise<DaemonRun> {
    const folder = await mkdtemp(join(tmpdir(), 'daemon-'));
    await writeFile(join(folder, 'sortbin.yaml'), configuration(labels, sensorDebounceMs, camera));
    return new DaemonRun(sim, folder);
  }

  get stderr(): string {
    return this.#sortbin.stderr;
  }

  /** Waits for a line of the log whose message matches. */
  async waitForLog(pattern: RegExp): Promise<LogLine> {
    const find = () => this.#sortbin.lines.find(({ msg }) => pattern.test(msg));
    await this.#until(`the log contains ${pattern}`, () => find() !== undefined);
    return find() as LogLine;
  }

  /** Waits until a part has the fault. */
  waitForFault(code: string): Promise<void> {
    const isLogged = () => this.#sortbin.lines.some((line) => line.code === code);
    return this.#until(`the log contains the fault ${code}`, isLogged);
  }

  /** Waits until the daemon is idle again. */
  async untilIdle(): Promise<void> {
    const count = () => this.#sortbin.lines.filter(({ msg }) => IDLE.test(msg)).length;
    await this.#until('the bin is idle', () => count() > this.#idles);
    this.#idles = count();
  }

  /** Waits for `count` more events. Returns all new events. */
  async events(count: number): Promise<BinEvent[]> {
    const all = () =>
      this.#sortbin.lines.flatMap(({ item }) => (item === undefined ? [] : [item as BinEvent]));
    await this.#until(`${count} more events`, () => all().length >= this.#events + count);
    const events = all().slice(this.#events);
    this.#events += events.length;
    return events;
  }

  /** Activates the sensor, later than the minimum gap to the last passage. */
  async placeItem(): Promise<void> {
    await wait(2 * MIN_GAP_MS);
    this.sim.pull('sensor', 'up');
  }

  /** Activates the sensor, and deactivates it before the camera has its frame. */
  async passItem(): Promise<void> {
    await this.placeItem();
    await wait(PASSAGE_MS);
    this.sim.pull('sensor', 'down');
  }

  /** Passes an item and waits until the daemon is idle. Returns its event if it is the only one. */
  async sortItem(): Promise<BinEvent | undefined> {
    await this.passItem();
    await this.untilIdle();
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

  /** Kills the daemon and waits until no process holds its lines. */
  async end(): Promise<void> {
    this.kill('SIGKILL');
    await this.ended();
    await rm(this.folder, { recursive: true });
    // Its sortbin-io exits shortly after it.
    const isHeld = (line: LineName) => this.sim.info(line).consumer.startsWith('sortbin');
    await until('no line is held', () => !LINES.some(isHeld), DEADLINE_MS);
  }

  #until(what: string, holds: () => boolean): Promise<void> {
    const { output } = this.#sortbin;
    return until(what, holds, DEADLINE_MS).catch((late: Error) => {
      throw new Error(`${late.message}; its log:\n${output.join('\n')}\n${this.stderr}`);
    });
  }
}
