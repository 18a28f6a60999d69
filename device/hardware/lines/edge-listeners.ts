import type { Edge } from './lines.js';

type Listener = (edge: Edge) => void;

/** Who is told of the edges of an input. */
export class Listeners {
  readonly #all = new Set<{ readonly tell: Listener }>();

  /** The returned function ends it; the same listener may be added twice. */
  add(tell: Listener): () => void {
    const entry = { tell };
    this.#all.add(entry);
    return () => this.#all.delete(entry);
  }

  tell(edge: Edge): void {
    for (const { tell } of this.#all) tell(edge);
  }
}
