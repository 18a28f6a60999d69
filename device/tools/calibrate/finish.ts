import type { Change, Key, Screen } from './calibrate.js';
import { fragmentOf } from './edit.js';
import { changeLines } from './render.js';

export interface FinishOptions {
  readonly changes: readonly Change[];
  readonly file: string;
  readonly keys: AsyncIterator<Key>;
  readonly screen: Screen;
  /** @throws CalibrateError where it cannot be written */
  readonly save: () => Promise<void>;
}

/** Shows what changed, asks, and writes it; where it does not, it shows what to write. @throws CalibrateError where it cannot be written */
export const finish = async ({ changes, file, keys, screen, save }: FinishOptions): Promise<void> => {
  if (changes.length === 0) return screen.say('No value was changed.');
  for (const line of changeLines(changes)) screen.say(line);
  const show = (why: string) => {
    screen.say(`${why} To have them, write:`);
    for (const line of fragmentOf(changes).trimEnd().split('\n')) screen.say(line);
  };
  screen.say(`Write this into ${file}, and keep the file that was as ${file}.bak? y/n`);
  if (!(await yes(keys))) return show('Nothing was written.');
  try {
    await save();
  } catch (thrown) {
    show('It could not be written.');
    throw thrown;
  }
  screen.say(`${file} written`);
};

/** Other keys are no answer: one that was held down may still be coming. */
const yes = async (keys: AsyncIterator<Key>): Promise<boolean> => {
  for (let next = await keys.next(); !next.done; next = await keys.next()) {
    if (next.value === 'y') return true;
    if (next.value === 'n' || next.value === 'ctrl-c') return false;
  }
  return false;
};
