import type { Answer } from '../../kit/errors.js';
import type { LineFault } from '../lines/lines.js';

/** Lines by their names, requested once: one that could not be had is asked for again the next time. */
export class LazyLines<Line> {
  readonly #asked = new Map<string, Promise<Answer<Line, LineFault>>>();

  get(name: string, request: () => Promise<Answer<Line, LineFault>>): Promise<Answer<Line, LineFault>> {
    const before = this.#asked.get(name);
    if (before) return before;
    const asked = request();
    this.#asked.set(name, asked);
    const forget = () => this.#asked.delete(name);
    asked.then((answer) => answer.ok || forget(), forget);
    return asked;
  }
}
