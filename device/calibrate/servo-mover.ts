import type { Lines, Pwm } from '../lines/lines.js';
import { had, type Key } from './calibrate.js';
import { type Item, type Mover, type ServoConfig, unasked } from './mover.js';

const STEPS_US = [1, 10, 50] as const;

/** Moves a servo to a pulse, which the arrows change. */
export class ServoMover implements Mover {
  readonly unit = 'us';
  readonly help = 'hold space, left or right to move · left/right: shorter/longer pulse · up/down: step';
  #pulseUs = 0;
  #step = 1;
  #note = '';

  private constructor(
    readonly items: readonly [Item, ...Item[]],
    private readonly pwm: Pwm,
    private readonly bounds: Pick<ServoConfig['pwm'], 'minPulseUs' | 'maxPulseUs'>,
  ) {}

  /** @throws CalibrateError where the channel cannot be had */
  static async of(gate: ServoConfig, guards: readonly string[], lines: Lines): Promise<ServoMover> {
    const { chip, channel, ...rules } = gate.pwm;
    const pwm = await lines.pwm('gate-servo', { at: { chip, channel }, ...rules, guards });
    const home: Item = { name: 'home', digit: '0', path: ['gate', 'homePulseUs'], value: gate.homePulseUs };
    const ways = Object.entries(gate.compartments).map(([name, { pulseUs }], index) => ({
      name,
      digit: index < 9 ? `${index + 1}` : null,
      path: ['gate', 'compartments', name, 'pulseUs'],
      value: pulseUs,
    }));
    return new ServoMover([home, ...ways], had('gate.pwm', pwm), rules);
  }

  get offer(): number {
    return this.#pulseUs;
  }

  get state(): string {
    const { minPulseUs, maxPulseUs } = this.bounds;
    const note = this.#note && `; ${this.#note}`;
    return `pulse ${this.#pulseUs} us (${minPulseUs} to ${maxPulseUs}), step ${STEPS_US[this.#step]} us${note}`;
  }

  choose(_item: Item, value: number): void {
    this.#note = '';
    this.#pulseUs = this.#within(value);
  }

  press(key: Key): 'moves' | 'moves-anew' | 'nothing' {
    if (key === ' ') return 'moves';
    if (key === 'up') this.#step = Math.min(this.#step + 1, STEPS_US.length - 1);
    if (key === 'down') this.#step = Math.max(this.#step - 1, 0);
    if (key !== 'left' && key !== 'right') return 'nothing';
    const before = this.#pulseUs;
    const stepUs = STEPS_US[this.#step] ?? 1;
    this.#pulseUs = this.#within(before + (key === 'left' ? -stepUs : stepUs));
    return this.#pulseUs === before ? 'moves' : 'moves-anew';
  }

  async drive(signal: AbortSignal): Promise<void> {
    this.#note = '';
    const answer = await this.pwm.drive(this.#pulseUs, signal);
    this.#note = unasked(answer, signal.aborted) ?? '';
  }

  #within(pulseUs: number): number {
    return Math.min(Math.max(pulseUs, this.bounds.minPulseUs), this.bounds.maxPulseUs);
  }
}
