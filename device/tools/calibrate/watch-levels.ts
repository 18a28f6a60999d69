import type { Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { CalibrateError, type Screen } from './calibrate.js';
import type { NamedInput } from './inputs.js';
import { type Level, Levels } from './levels.js';
import { levelLine, levelTable } from './render.js';

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
