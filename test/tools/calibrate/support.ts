import { parseConfig } from '../../../device/config/load.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import type { Change, Key, Screen } from '../../../device/tools/calibrate/calibrate.js';
import { calibrateGate, takeGate } from '../../../device/tools/calibrate/gate-session.js';
import { configuredInputs } from '../../../device/tools/calibrate/inputs.js';
import { WatchedLines } from '../../support/watched-lines.js';

/** Keys that a test presses. */
export class Keys implements AsyncIterator<Key> {
  readonly #pressed: Key[] = [];
  #isOver = false;
  #wake: () => void = () => {};

  press(...keys: Key[]): void {
    this.#pressed.push(...keys);
    this.#wake();
  }

  /** The terminal is gone. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async next(): Promise<IteratorResult<Key, undefined>> {
    while (this.#pressed.length === 0 && !this.#isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const [value] = this.#pressed.splice(0, 1);
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  }
}

/** A screen that remembers. */
export class ScreenInMemory implements Screen {
  readonly said: string[] = [];
  shown: readonly string[] = [];

  say(line: string): void {
    this.said.push(line);
  }

  show(lines: readonly string[]): void {
    this.shown = lines;
  }

  get text(): string {
    return this.shown.join('\n');
  }
}

export const SERVO = `
gate:
  driver: servo
  homePulseUs: 1500
  pwm: { minPulseUs: 900, maxPulseUs: 2100, maxOnMs: 3000 }
  moveMs: 800
  lid: { chip: bin, offset: 5 }
  compartments:
    paper: { pulseUs: 1000 }
    glass: { pulseUs: 2090 }
panel:
  service: { chip: bin, offset: 6 }
`;

/** Ten microseconds a degree; its bounds are at -60 and 60 degrees. */
export const ANGLES = `
gate:
  driver: servo
  homeDegrees: 0
  calibration: { fromDegrees: -90, toDegrees: 90, fromUs: 600, toUs: 2400 }
  pwm: { minPulseUs: 900, maxPulseUs: 2100, maxOnMs: 3000 }
  compartments:
    paper: { degrees: -45.25 }
    glass: { pulseUs: 2000 }
`;

export const LINES = `
gate:
  driver: lines
  lid: { chip: bin, offset: 5, debounceMs: 0 }
  home: { chip: bin, offset: 6 }
  compartments:
    paper:
      output: { chip: bin, offset: 17, maxOnMs: 1500 }
      onMs: 400
    glass:
      output: { chip: bin, offset: 27, maxOnMs: 1500 }
      onMs: 400
      end: { chip: bin, offset: 7, debounceMs: 0 }
`;

/** A gate in hand, with keys that a test presses and time that it lets pass. */
export const aSession = async (yaml: string, latencyMs = 0) => {
  const clock = new SimulatedClock();
  const lines = new WatchedLines(clock, latencyMs);
  const keys = new Keys();
  const screen = new ScreenInMemory();
  const config = parseConfig(yaml, 'sortbin.yaml');
  const inHand = await takeGate(config, lines, clock);
  let changes: readonly Change[] | null = null;
  const over = calibrateGate({ ...inHand, lines, keys, screen, clock }).then((found) => {
    changes = found;
  });
  const press = async (...pressed: Key[]) => {
    keys.press(...pressed);
    await clock.advance(0);
  };
  return {
    clock,
    lines,
    keys,
    screen,
    inputs: configuredInputs(config),
    press,
    /** Holds a key for so long after its first repeat, which comes after 500 ms; another each 50 ms. */
    hold: async (key: Key, forMs: number) => {
      await press(key);
      await clock.advance(500);
      await press(key);
      for (let ms = 50; ms <= forMs; ms += 50) {
        await clock.advance(50);
        await press(key);
      }
    },
    /** Presses q, and answers what was found. */
    quit: async () => {
      await press('q');
      await clock.advance(100);
      await over;
      return changes;
    },
    over,
  };
};
