import { type Calibration, degreesAt } from '../../hardware/gate/gate.js';
import type { Lines, Pwm } from '../../hardware/lines/lines.js';
import { had, type Key } from './calibrate.js';
import { type Item, type Mover, type ServoConfig, unasked } from './mover.js';
import { type Points, type ServoItems, servoItems } from './servo-items.js';
import { angles, pulses, type Scale } from './servo-scale.js';

/** Moves a servo to a pulse or to an angle, which the arrows change. */
export class ServoMover implements Mover {
  readonly help = 'hold space, left or right to move · left/right: less/more · up/down: step';
  readonly items: readonly [Item, ...Item[]];
  readonly #points: Points | null;
  #item: Item;
  #scale: Scale;
  #value: number;
  /** With the points as they stand now. */
  #calibration: Calibration | null = null;
  #step = 1;
  #note = '';

  private constructor(
    { all, points }: ServoItems,
    private readonly pwm: Pwm,
    private readonly bounds: Pick<ServoConfig['pwm'], 'minPulseUs' | 'maxPulseUs'>,
  ) {
    this.items = all;
    this.#points = points;
    this.#item = all[0];
    this.#value = this.#item.value;
    this.#scale = pulses(bounds);
  }

  /** @throws CalibrateError where the channel cannot be had */
  static async of(gate: ServoConfig, guards: readonly string[], lines: Lines): Promise<ServoMover> {
    const { chip, channel, ...rules } = gate.pwm;
    const pwm = await lines.pwm('gate-servo', { at: { chip, channel }, ...rules, guards });
    return new ServoMover(servoItems(gate), had('gate.pwm', pwm), rules);
  }

  get offer(): number {
    return this.#value;
  }

  get state(): string {
    const { unit, steps, least, most } = this.#scale;
    const note = this.#note && `; ${this.#note}`;
    return `${this.#place()} (${least} to ${most}), step ${steps[this.#step]} ${unit}${note}`;
  }

  choose(item: Item, now: (item: Item) => number): void {
    const points = this.#points;
    this.#note = '';
    this.#item = item;
    this.#value = now(item);
    this.#calibration = points && {
      ...points.angles,
      fromUs: now(points.from),
      toUs: now(points.to),
    };
    this.#scale =
      item.unit === 'degrees' && this.#calibration
        ? angles(this.#calibration, this.bounds)
        : pulses(this.bounds);
  }

  press(key: Key): 'moves' | 'moves-anew' | 'nothing' {
    const { steps } = this.#scale;
    if (key === ' ') return 'moves';
    if (key === 'up') this.#step = Math.min(this.#step + 1, steps.length - 1);
    if (key === 'down') this.#step = Math.max(this.#step - 1, 0);
    if (key !== 'left' && key !== 'right') return 'nothing';
    const before = this.#value;
    const step = steps[this.#step] ?? steps[0];
    this.#value = this.#scale.moved(before, key === 'left' ? -step : step);
    return this.#value === before ? 'moves' : 'moves-anew';
  }

  async drive(signal: AbortSignal): Promise<void> {
    this.#note = '';
    const pulseUs = this.#scale.pulseUs(this.#value);
    if (pulseUs === null) return;
    const answer = await this.pwm.drive(pulseUs, signal);
    this.#note = unasked(answer, signal.aborted) ?? '';
  }

  /** Where it is, or will be, in each unit there is. */
  #place(): string {
    const value = this.#value;
    if (this.#scale.unit === 'degrees') return `${value} degrees, pulse ${this.#scale.pulseUs(value)} us`;
    const { angles, from, to } = this.#points ?? {};
    const pulse = `pulse ${value} us`;
    if (this.#item === from) return `${pulse}, to stand at ${angles?.fromDegrees} degrees`;
    if (this.#item === to) return `${pulse}, to stand at ${angles?.toDegrees} degrees`;
    return this.#calibration ? `${pulse}, ${degreesAt(value, this.#calibration).toFixed(1)} degrees` : pulse;
  }
}
