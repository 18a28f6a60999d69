import type { Clock } from '../../kit/clock.js';
import type { Person } from './panel.js';

/** What the person is shown, from what the bin says of itself: a fault before all, then a refusal for a while. */
export class Manner {
  #phase = 'new';
  readonly #faulty = new Set<string>();
  #refused = false;
  #cancel = () => {};

  /** `refusedMs`: how long a refusal is shown. */
  constructor(
    private readonly person: Person,
    private readonly refusedMs: number,
    private readonly clock: Clock,
  ) {}

  phase(phase: string): void {
    this.#phase = phase;
    this.#show();
  }

  health(part: string, isFaulty: boolean): void {
    if (isFaulty) this.#faulty.add(part);
    else this.#faulty.delete(part);
    this.#show();
  }

  refused(): void {
    this.#cancel();
    this.#refused = true;
    this.#cancel = this.clock.after(this.refusedMs, () => {
      this.#refused = false;
      this.#show();
    });
    this.#show();
  }

  close(): void {
    this.#cancel();
    this.person.show('off');
  }

  #show(): void {
    if (this.#faulty.size > 0) this.person.show('fault');
    else if (this.#refused) this.person.show('refused');
    else this.person.show(this.#phase === 'idle' ? 'ready' : 'busy');
  }
}
