import type { Entity } from './api.js';

/** The entities of one bin, by the last part of their unique id. */
export class EntityList {
  readonly #byKey: Map<string, Entity>;

  /** `device`: the first part of the unique ids. */
  constructor(entities: readonly Entity[], device: string) {
    const own = entities.filter(({ uniqueId }) => uniqueId.startsWith(`${device}.`));
    this.#byKey = new Map(own.map((entity) => [entity.uniqueId.slice(device.length + 1), entity]));
  }

  get all(): readonly Entity[] {
    return [...this.#byKey.values()];
  }

  get keys(): string[] {
    return [...this.#byKey.keys()];
  }

  /** The states by key. */
  get states(): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries([...this.#byKey].map(([key, { state }]) => [key, state]));
  }

  state(key: string): string | undefined {
    return this.#byKey.get(key)?.state;
  }

  attributes(key: string): Readonly<Record<string, unknown>> {
    return this.#byKey.get(key)?.attributes ?? {};
  }

  /** @throws Error if there is no such entity */
  id(key: string): string {
    const entity = this.#byKey.get(key);
    if (!entity) throw new Error(`no entity ${key}`);
    return entity.id;
  }
}
