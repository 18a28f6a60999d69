import type { Input, Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { had } from './calibrate.js';
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
