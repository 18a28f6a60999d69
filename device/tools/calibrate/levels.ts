import type { Input, Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { CalibrateError, had, longest, type Screen } from './calibrate.js';
import type { NamedInput } from './inputs.js';

export interface Level {
  /** Of the configuration. */
  readonly key: string;
  readonly active: boolean;
  /** When it became so, in milliseconds since 1970-01-01 UTC; of the first level, when it was read. */
  readonly atMs: number;
  /** Edges so far, those that were lost among them. */
  readonly edges: number;
}

/** The levels of inputs as they are now. */
export class Levels {
  readonly #inputs = new Map<string, Input>();
  readonly #levels = new Map<string, Level>();
  #tell: (level: Level) => void = () => {};

  private constructor(private readonly clock: Clock) {}

  /** Takes the inputs. @throws CalibrateError where one cannot be had */
  static async of(inputs: readonly NamedInput[], lines: Lines, clock: Clock): Promise<Levels> {
    const levels = new Levels(clock);
    for (const { key, name, rules } of inputs)
      await levels.#add(key, had(key, await lines.input(name, rules)));
    return levels;
  }

  get all(): Level[] {
    return [...this.#levels.values()];
  }

  /** The input of that name, where it was taken. */
  input(name: string): Input | null {
    return this.#inputs.get(name) ?? null;
  }

  /** Has `listener` told of each change from now on. */
  onChange(listener: (level: Level) => void): void {
    this.#tell = listener;
  }

  async #add(key: string, input: Input): Promise<void> {
    this.#inputs.set(input.name, input);
    // Listens before it reads, so that no edge is missed in between.
    input.onEdge(({ active, atNs, missed }) => {
      const agoMs = this.clock.monotonicMs() - Number(atNs) / 1e6;
      const edges = (this.#levels.get(key)?.edges ?? 0) + 1 + missed;
      this.#set({ key, active, atMs: this.clock.wallMs() - agoMs, edges });
    });
    const active = had(key, await input.active());
    if (!this.#levels.has(key)) this.#set({ key, active, atMs: this.clock.wallMs(), edges: 0 });
  }

  #set(level: Level): void {
    this.#levels.set(level.key, level);
    this.#tell(level);
  }
}

/** How a change is told: as text beside a live table, as lines of text, or as lines of JSON. */
export type LevelStyle = 'live' | 'lines' | 'json';

export interface WatchOptions {
  readonly inputs: readonly NamedInput[];
  readonly lines: Lines;
  readonly screen: Screen;
  readonly style: LevelStyle;
  readonly clock: Clock;
}

/** A screen is drawn at most so often in ms; a contact that bounces or a loose wire changes more often. */
const DRAW_MS = 50;
/** Changes from one drawing to the next that are told one by one. */
const MOST_TOLD = 20;

/** Shows the levels of the inputs, and each change, until `stop`. @throws CalibrateError where one cannot be had */
export const watchLevels = async (options: WatchOptions, stop: AbortSignal): Promise<void> => {
  const { inputs, lines, screen, style, clock } = options;
  if (inputs.length === 0)
    throw new CalibrateError(
      'calibrate-nothing',
      'the configuration names no input; name sensor, switches and buttons under trigger, gate, fill and person',
    );
  lines.onHealth((fault) => {
    const text = fault ? fault.message : 'the lines work again';
    screen.say(style === 'json' ? JSON.stringify({ fault: fault?.code ?? null, message: text }) : text);
  });
  const levels = await Levels.of(inputs, lines, clock);
  if (style === 'live') return live(levels, options, stop);
  const tell = (level: Level) => screen.say(style === 'json' ? json(level) : levelLine(level));
  for (const level of levels.all) tell(level);
  levels.onChange(tell);
  await untilStopped(clock, stop);
  levels.onChange(() => {});
};

const json = ({ key, active, atMs, edges }: Level): string =>
  JSON.stringify({ at: new Date(atMs).toISOString(), input: key, active, edges });

const live = async (levels: Levels, { screen, clock }: WatchOptions, stop: AbortSignal): Promise<void> => {
  let isDue = false;
  let news: Level[] = [];
  let untold = 0;
  const draw = () => {
    isDue = false;
    for (const level of news) screen.say(levelLine(level));
    if (untold > 0) screen.say(`… and ${untold} changes more`);
    [news, untold] = [[], 0];
    screen.show(['', ...levelTable(levels.all), '', 'q ends']);
  };
  let cancel = () => {};
  levels.onChange((level) => {
    if (news.length < MOST_TOLD) news.push(level);
    else untold += 1;
    if (isDue) return;
    isDue = true;
    cancel = clock.after(DRAW_MS, draw);
  });
  draw();
  await untilStopped(clock, stop);
  levels.onChange(() => {});
  cancel();
  draw();
};

/** By a timer also, since simulated lines alone keep no process alive. */
const untilStopped = async (clock: Clock, stop: AbortSignal): Promise<void> => {
  while (!stop.aborted) await sleep(clock, 86_400_000, stop).catch(() => {});
};

/** `10:31:02.120  gate.lid  active` */
export const levelLine = ({ atMs, key, active }: Level): string =>
  `${timeOf(atMs)}  ${key}  ${active ? 'active' : 'not active'}`;

export const levelTable = (levels: readonly Level[]): string[] => {
  const width = longest(levels.map(({ key }) => key));
  return levels.map(({ key, active, edges, atMs }) =>
    `  ${key.padEnd(width)}  ${word(active).padEnd(6)}  ${edges === 0 ? '' : `${count(edges)}, last ${timeOf(atMs)}`}`.trimEnd(),
  );
};

export const word = (active: boolean): string => (active ? 'active' : '-');

/** In the zone of the machine. */
const timeOf = (atMs: number): string => {
  const date = new Date(atMs);
  const two = (part: number) => String(part).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
};

const count = (edges: number): string => (edges === 1 ? '1 change' : `${edges} changes`);
