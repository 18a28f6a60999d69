import { parseConfig } from '../../../device/config/load.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import type { Change, Key, Screen } from '../../../device/tools/calibrate/calibrate.js';
import { calibrateGate, openGate } from '../../../device/tools/calibrate/gate-session.js';
import { configuredInputs } from '../../../device/tools/calibrate/inputs.js';
import { WatchedLines } from '../../support/hardware/watched-lines.js';

/** Keys of a terminal, which a test presses. */
export class Keys implements AsyncIterator<Key> {
  readonly #pressed: Key[] = [];
  #isOver = false;
  #wake: () => void = () => {};

  press(...keys: Key[]): void {
    this.#pressed.push(...keys);
    this.#wake();
  }

  /** Closes the terminal. */
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

/** A screen that records its lines. */
export class ScreenInMemory implements Screen {
  readonly printed: string[] = [];
  shown: readonly string[] = [];

  print(line: string): void {
    this.printed.push(line);
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

/** A servo with 10 us per degree. Its pulse limits are at -60 and 60 degrees. */
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

/** Starts a session with keys that a test presses, on a simulated clock. */
export const startSession = async (yaml: string, latencyMs = 0) => {
  const clock = new SimulatedClock();
  const lines = new WatchedLines(clock, latencyMs);
  const keys = new Keys();
  const screen = new ScreenInMemory();
  const config = parseConfig(yaml, 'sortbin.yaml');
  const opened = await openGate(config, lines, clock);
  let changes: readonly Change[] | null = null;
  const ended = calibrateGate({ ...opened, lines, keys, screen, clock }).then((found) => {
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
    /** Presses a key, and repeats it first after 500 ms, then every 50 ms for `forMs`. */
    hold: async (key: Key, forMs: number) => {
      await press(key);
      await clock.advance(500);
      await press(key);
      for (let ms = 50; ms <= forMs; ms += 50) {
        await clock.advance(50);
        await press(key);
      }
    },
    /** Presses q and returns the changes. */
    quit: async () => {
      await press('q');
      await clock.advance(100);
      await ended;
      return changes;
    },
    ended,
  };
};
