import { textOf } from '../../../device/update/bundle-id.js';
import { step } from '../../../device/update/machine.js';
import type { Catalogue, PublishedBundle } from '../../../device/update/repository/repository.js';
import {
  type Effect,
  type Input,
  type InstalledBundle,
  initialState,
  type Moment,
  type Settings,
  type State,
  type UpdateCommand,
} from '../../../device/update/state.js';
import { aBundle, FACTORY, waste12 } from './bundles.js';

export const SETTINGS: Settings = {
  name: 'waste12',
  factory: FACTORY,
  maxFaults: 3,
  maxAllFaults: 5,
  maxStarts: 3,
  maxAttempts: 3,
  healthyItems: 5,
  healthyMs: 1_800_000,
  maxSlots: 4,
};

export interface CatalogueParts {
  readonly versions?: readonly string[];
  readonly revoked?: readonly string[];
  readonly isHalted?: boolean;
  /** The publisher of these versions. */
  readonly by?: string;
  /** Bundles beside those of `versions`. */
  readonly others?: readonly PublishedBundle[];
}

export const aCatalogue = ({
  versions = [],
  revoked = [],
  isHalted = false,
  by,
  others = [],
}: CatalogueParts): Catalogue => ({
  targetsVersion: 1,
  bundles: [...versions.map((version) => published(version, by)), ...others],
  unusable: [],
  revoked: revoked.map((version) => ({ ...waste12(version), reason: 'harmful', at: '2026-01-01T00:00:00Z' })),
  halted: isHalted ? ['waste12'] : [],
  signedAtMs: 0,
  expiresAtMs: 1,
});

/** `by`: the publisher. Two publishers have different bundles of one version. */
export const published = (version: string, by?: string): PublishedBundle => {
  const { contents: _, ...bundle } = aBundle(version, by === undefined ? {} : { 'manifest.json': by });
  return bundle;
};

/** The slot of a published bundle. */
export const slotOf = (version: string, by?: string): InstalledBundle => {
  const { manifestSha256 } = published(version, by);
  return { ...waste12(version), manifestSha256 };
};

type WithoutMoment<T> = T extends unknown ? Omit<T, keyof Moment> : never;

/** Passes inputs to the machine, and keeps the effects of the last one. */
export class MachineTrial {
  state: State;
  effects: readonly Effect[] = [];
  isAllowed = true;
  atMs = 0;

  constructor(state: State = initialState, versions: readonly string[] = []) {
    this.state = state;
    this.take({
      type: 'start',
      store: { current: null, previous: null, installed: versions.map((version) => slotOf(version)) },
    });
  }

  take(input: WithoutMoment<Input>): this {
    const moment = { atMs: this.atMs, at: '2026-01-01T00:00:00Z', isAllowed: this.isAllowed };
    const { state, effects } = step(this.state, { ...input, ...moment } as Input, SETTINGS);
    this.state = state;
    this.effects = effects;
    return this;
  }

  poll(parts: CatalogueParts): this {
    return this.take({ type: 'catalogue', catalogue: aCatalogue(parts), mayInstall: true });
  }

  /** The present job succeeds. */
  done(): this {
    const { phase, job, installed } = this.state;
    const built =
      job?.kind === 'build' && phase.name === 'downloading'
        ? [{ ...waste12(phase.bundle.version), manifestSha256: phase.bundle.manifestSha256 }]
        : [];
    const others = installed.filter(({ version }) => version !== built[0]?.version);
    return this.take({ type: 'done', op: job?.op ?? -1, installed: [...others, ...built] });
  }

  fail(code: string, message = code): this {
    return this.take({ type: 'failed', op: this.state.job?.op ?? -1, fault: { code, message } });
  }

  /** All jobs succeed until none runs. */
  finish(): this {
    while (this.state.job) this.done();
    return this;
  }

  items(count: number, isFault = false): this {
    for (let index = 0; index < count; index += 1)
      this.take({ type: 'item', bundle: this.state.current ?? FACTORY, isFault });
    return this;
  }

  tick(afterMs = 60_000): this {
    this.atMs += afterMs;
    return this.take({ type: 'tick' });
  }

  command(command: UpdateCommand): this {
    return this.take({ type: 'command', command });
  }

  /** The program ends without notice, and starts with what was stored. */
  restart(store: Partial<{ current: string; previous: string; installed: readonly string[] }> = {}): this {
    const { current, previous, installed } = this.state;
    const idOf = (version: string | undefined, otherwise: typeof current) =>
      version === undefined ? otherwise : waste12(version);
    return this.take({
      type: 'start',
      store: {
        current: idOf(store.current, current),
        previous: idOf(store.previous, previous),
        installed: store.installed?.map((version) => slotOf(version)) ?? installed,
      },
    });
  }

  /** A version that is installed by a poll, active and trusted. */
  trusted(version: string): this {
    return this.poll({ versions: [version] })
      .finish()
      .items(SETTINGS.healthyItems);
  }

  /** A short text: the phase and the versions. */
  get summary(): string {
    const { phase, current, previous, watch } = this.state;
    const name = phase.name === 'idle' && watch ? 'watching' : phase.name;
    const bundle = 'bundle' in phase ? ` ${phase.bundle?.version ?? 'factory'}` : '';
    return `${name}${bundle}, current ${current?.version ?? '-'}, previous ${previous?.version ?? '-'}`;
  }

  get effectTypes(): string[] {
    return this.effects.map(({ type }) => type);
  }

  get rejected(): string[] {
    return this.state.rejected.map((rejection) => `${textOf(rejection)} ${rejection.code}`);
  }

  get answer(): string | null | undefined {
    const answer = this.effects.find((effect) => effect.type === 'answer');
    return answer && (answer.fault?.code ?? null);
  }
}
