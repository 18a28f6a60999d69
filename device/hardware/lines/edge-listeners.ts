import type { Edge } from './lines.js';

type Listener = (edge: Edge) => void;

/** The listeners of an input. The same function may be added twice. */
export class EdgeListeners {
  readonly #entries = new Set<{ readonly notify: Listener }>();

  /** Returns a function that removes the listener. */
  add(notify: Listener): () => void {
    const entry = { notify };
    this.#entries.add(entry);
    return () => this.#entries.delete(entry);
  }

  notify(edge: Edge): void {
    for (const { notify } of this.#entries) notify(edge);
  }
}
