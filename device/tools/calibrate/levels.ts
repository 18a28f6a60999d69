import type { Input, Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { CalibrateError, maxLength, type Screen, unwrapLine } from './calibrate.js';
import type { NamedInput } from './inputs.js';

export interface Level {
  /** The key of the input in the configuration. */
  readonly key: string;
  readonly active: boolean;
  /** Time of the last change in ms since 1970-01-01 UTC. Before the first change: the time of the first reading. */
  readonly atMs: number;
  /** Number of edges so far, including lost edges. */
  readonly edges: number;
}

/** The current levels of inputs. */
export class Levels {
  readonly #inputs = new Map<string, Input>();
  readonly #levels = new Map<string, Level>();
  #listener: (level: Level) => void = () => {};

  private constructor(private readonly clock: Clock) {}

  /** Opens the inputs. @throws CalibrateError if one is unavailable */
  static async open(inputs: readonly NamedInput[], lines: Lines, clock: Clock): Promise<Levels> {
    const levels = new Levels(clock);
    for (const { key, name, rules } of inputs)
      await levels.#add(key, unwrapLine(key, await lines.input(name, rules)));
    return levels;
  }

  get all(): Level[] {
    return [...this.#levels.values()];
  }

  /** Returns the input with this line name. null: it is not configured. */
  input(name: string): Input | null {
    return this.#inputs.get(name) ?? null;
  }

  /** Sets the listener for changes. It replaces the previous listener. */
  onChange(listener: (level: Level) => void): void {
    this.#listener = listener;
  }

  async #add(key: string, input: Input): Promise<void> {
    this.#inputs.set(input.name, input);
    // Subscribes before the first reading, so that no edge is missed in between.
    input.onEdge(({ active, atNs, missed }) => {
      const ageMs = this.clock.monotonicMs() - Number(atNs) / 1e6;
      const edges = (this.#levels.get(key)?.edges ?? 0) + 1 + missed;
      this.#set({ key, active, atMs: this.clock.wallMs() - ageMs, edges });
    });
    const active = unwrapLine(key, await input.active());
    if (!this.#levels.has(key)) this.#set({ key, active, atMs: this.clock.wallMs(), edges: 0 });
  }

  #set(level: Level): void {
    this.#levels.set(level.key, level);
    this.#listener(level);
  }
}

/** `live`: lines of text above a live table. `lines`: lines of text. `json`: lines of JSON. */
export type LevelStyle = 'live' | 'lines' | 'json';

export interface WatchOptions {
  readonly inputs: readonly NamedInput[];
  readonly lines: Lines;
  readonly screen: Screen;
  readonly style: LevelStyle;
  readonly clock: Clock;
}

/** Minimum time in ms between two updates of the live screen. A bouncing contact or a loose wire changes more often. */
const UPDATE_INTERVAL_MS = 50;
/** Maximum number of changes that one update prints. */
const MAX_PRINTED_CHANGES = 20;

/** Shows the levels of the inputs and each change until `stop`. @throws CalibrateError if an input is unavailable */
export const watchLevels = async (options: WatchOptions, stop: AbortSignal): Promise<void> => {
  const { inputs, lines, screen, style, clock } = options;
  if (inputs.length === 0)
    throw new CalibrateError(
      'calibrate-nothing',
      'the configuration has no inputs. Add sensors, switches or buttons under trigger, gate, fill or panel.',
    );
  lines.onHealth((fault) => {
    const text = fault ? fault.message : LINES_RECOVERED;
    screen.print(style === 'json' ? JSON.stringify({ fault: fault?.code ?? null, message: text }) : text);
  });
  const levels = await Levels.open(inputs, lines, clock);
  if (style === 'live') return showLive(levels, options, stop);
  const print = (level: Level) => screen.print(style === 'json' ? levelJson(level) : levelLine(level));
  for (const level of levels.all) print(level);
  levels.onChange(print);
  await untilAborted(clock, stop);
  levels.onChange(() => {});
};

export const LINES_RECOVERED = 'GPIO lines: recovered';

const showLive = async (
  levels: Levels,
  { screen, clock }: WatchOptions,
  stop: AbortSignal,
): Promise<void> => {
  let isUpdateDue = false;
  let changes: Level[] = [];
  let omitted = 0;
  const update = () => {
    isUpdateDue = false;
    for (const level of changes) screen.print(levelLine(level));
    if (omitted > 0) screen.print(`${omitted} more changes`);
    [changes, omitted] = [[], 0];
    screen.show(['', ...levelTable(levels.all), '', 'q: quit']);
  };
  let cancel = () => {};
  levels.onChange((level) => {
    if (changes.length < MAX_PRINTED_CHANGES) changes.push(level);
    else omitted += 1;
    if (isUpdateDue) return;
    isUpdateDue = true;
    cancel = clock.after(UPDATE_INTERVAL_MS, update);
  });
  update();
  await untilAborted(clock, stop);
  levels.onChange(() => {});
  cancel();
  update();
};

/** Sleeps with a timer, because simulated lines alone do not keep the process running. */
const untilAborted = async (clock: Clock, stop: AbortSignal): Promise<void> => {
  while (!stop.aborted) await sleep(clock, 86_400_000, stop).catch(() => {});
};

const levelJson = ({ key, active, atMs, edges }: Level): string =>
  JSON.stringify({ at: new Date(atMs).toISOString(), input: key, active, edges });

/** `10:31:02.120  gate.lid  active` */
const levelLine = ({ atMs, key, active }: Level): string =>
  `${localTime(atMs)}  ${key}  ${active ? 'active' : 'not active'}`;

const levelTable = (levels: readonly Level[]): string[] => {
  const width = maxLength(levels.map(({ key }) => key));
  return levels.map(({ key, active, edges, atMs }) => {
    const history = edges === 0 ? '' : `${changeCount(edges)}, last ${localTime(atMs)}`;
    return `  ${key.padEnd(width)}  ${levelWord(active).padEnd(6)}  ${history}`.trimEnd();
  });
};

export const levelWord = (active: boolean): string => (active ? 'active' : '-');

const changeCount = (edges: number): string => (edges === 1 ? '1 change' : `${edges} changes`);

const localTime = (atMs: number): string => {
  const date = new Date(atMs);
  const two = (part: number) => String(part).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
};
