import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { textOf } from '../../device/update/bundle-id.js';
import type { UpdateCommand } from '../../device/update/state.js';
import { FACTORY, waste12 } from '../support/update/bundles.js';
import { published, SETTINGS } from '../support/update/machine.js';
import { MachineWorld } from '../support/update/machine-world.js';

/** Versions of these numbers: `1.7.0`. Polls offer them one after another. */
const versionOf = (number: number): string => `1.${number}.0`;

/** A poll. `isNew`: it offers one more version. `revokes`: which bundle is revoked from now on. */
interface Offer {
  readonly isNew: boolean;
  readonly revokes: 'none' | 'current' | 'previous' | 'newest' | 'all';
  readonly isHalted: boolean;
  /** The owner trusts another publisher from now on. */
  readonly isOther: boolean;
}
const rarely = fc.nat(9).map((number) => number === 0);
const offer: fc.Arbitrary<Offer> = fc.record({
  isNew: fc.boolean(),
  revokes: fc.oneof(
    { weight: 9, arbitrary: fc.constant('none' as const) },
    fc.constantFrom('current' as const, 'previous' as const, 'newest' as const, 'all' as const),
  ),
  isHalted: rarely,
  isOther: rarely,
});

/** The command of a person. `back`: how many versions before the newest one. */
interface Order {
  readonly name: UpdateCommand['name'] | 'activate factory';
  readonly back: number;
}
const order: fc.Arbitrary<Order> = fc.record({
  name: fc.constantFrom('install', 'activate', 'activate factory', 'rollback', 'pin', 'unpin', 'unpin'),
  back: fc.nat(3),
});

/** What may happen at any moment. `killAfter`: the program is killed after so many effects; null: it is not. */
type Happening = { readonly killAfter: number | null } & (
  | { readonly what: 'poll'; readonly offer: Offer }
  | { readonly what: 'end'; readonly fault: string | null }
  | { readonly what: 'command'; readonly order: Order }
  | { readonly what: 'items'; readonly count: number; readonly isFault: boolean }
  | { readonly what: 'hours'; readonly isAllowed: boolean }
  | { readonly what: 'drain' | 'tick' | 'kill' | 'stop' | 'lose state' }
);

const killAfter = fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(5) });
const fault = fc.oneof(
  { weight: 5, arbitrary: fc.constant(null) },
  fc.constantFrom('check-golden', 'check-postponed', 'model-busy', 'update-no-space', 'no-runtime'),
);
const always = <T extends string>(what: T) => fc.constant(what);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 25, arbitrary: fc.record({ what: always('poll'), offer, killAfter }) },
  { weight: 45, arbitrary: fc.record({ what: always('end'), fault, killAfter }) },
  { weight: 10, arbitrary: fc.record({ what: always('command'), order, killAfter }) },
  {
    weight: 15,
    arbitrary: fc.record({
      what: always('items'),
      count: fc.integer({ min: 1, max: 5 }),
      isFault: fc.boolean(),
      killAfter,
    }),
  },
  { weight: 5, arbitrary: fc.record({ what: always('hours'), isAllowed: fc.boolean(), killAfter }) },
  {
    weight: 20,
    arbitrary: fc.record({ what: fc.constantFrom('drain', 'drain', 'tick', 'kill', 'stop'), killAfter }),
  },
  { weight: 1, arbitrary: fc.record({ what: always('lose state'), killAfter }) },
);

/** A bin and its repository. */
class Life {
  readonly world = new MachineWorld();
  newest = 0;
  #revoked: string[] = [];
  #by = 'a';

  constructor(events: readonly Happening[]) {
    for (const event of events) this.#happen(event);
  }

  #happen(event: Happening): void {
    const { world } = this;
    if (event.what === 'poll') this.#poll(event.offer, event.killAfter);
    else if (event.what === 'end') world.settle(event.fault, event.killAfter);
    else if (event.what === 'command')
      world.take({ type: 'command', command: this.#commandOf(event.order) }, event.killAfter);
    else if (event.what === 'items')
      for (let item = 0; item < event.count; item += 1)
        world.take(
          { type: 'item', bundle: world.running ?? FACTORY, isFault: event.isFault },
          item === event.count - 1 ? event.killAfter : null,
        );
    else if (event.what === 'hours') world.isAllowed = event.isAllowed;
    else if (event.what === 'drain') world.drain();
    else if (event.what === 'tick') world.tick();
    else {
      if (event.what === 'stop') world.take({ type: 'stop' }, event.killAfter);
      if (event.what === 'lose state') world.stored = null;
      world.start();
    }
  }

  #poll({ isNew, revokes, isHalted, isOther }: Offer, killAfterEffects: number | null): void {
    if (isNew) this.newest += 1;
    if (isOther) this.#by = this.#by === 'a' ? 'b' : 'a';
    const { current, previous } = this.world.state;
    const chosen = { none: [], current: [current], previous: [previous], newest: [], all: this.world.slots }[
      revokes
    ];
    this.#revoked.push(...chosen.flatMap((id) => (id ? [id.version] : [])));
    if (revokes === 'newest') this.#revoked.push(versionOf(this.newest));
    const versions = [versionOf(this.newest), versionOf(Math.max(1, this.newest - 1))];
    this.world.poll({ versions, revoked: this.#revoked, isHalted, by: this.#by }, killAfterEffects);
  }

  #commandOf({ name, back }: Order): UpdateCommand {
    const version = versionOf(Math.max(1, this.newest - back));
    if (name === 'install') return { name, bundle: published(version, this.#by), source: null };
    if (name === 'activate') return { name, bundle: waste12(version) };
    return name === 'activate factory' ? { name: 'activate', bundle: FACTORY } : { name };
  }
}

describe('the machine with any order of inputs, and kills between any two effects', () => {
  it('has a whole bundle active, never a revoked or rejected one, and waits only for jobs that run', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 100 }), (events) => {
        const { world } = new Life(events);
        world.drain();
      }),
      { numRuns: 1_000 },
    );
  });

  it('finishes or forgets an update after each kill, and a following poll brings the newest version', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (events) => {
        const { world } = new Life(events);
        world.start();
        world.isAllowed = true;
        world.take({ type: 'command', command: { name: 'unpin' } });
        world.poll({ versions: ['2.0.0'] });
        world.drain();
        world.tick();
        world.drain();
        assert.equal(world.state.current?.version, '2.0.0');
        assert.equal(world.wouldUpdate({ versions: ['2.0.0'] }), false);
      }),
      { numRuns: 800 },
    );
  });

  it('always leads to the factory bundle if a person says so', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (events) => {
        const { world } = new Life(events);
        world.drain();
        world.tick();
        world.drain();
        world.take({ type: 'command', command: { name: 'activate', bundle: FACTORY } });
        world.drain();
        assert.deepEqual([world.state.current, world.running, world.pointers.current], [null, null, null]);
      }),
      { numRuns: 500 },
    );
  });

  it('reaches activations, returns and kills with these inputs', () => {
    let [activations, starts, returns] = [0, 0, 0];
    fc.assert(
      fc.property(fc.array(happening, { minLength: 60, maxLength: 100 }), (events) => {
        const { world } = new Life(events);
        activations += world.activations;
        starts += world.starts;
        returns += world.state.rejected.filter(({ code }) => code === 'update-runtime-faults').length;
      }),
      { numRuns: 300, seed: 7 },
    );
    assert.ok(activations > 300, `only ${activations} activations`);
    assert.ok(starts > 1_000, `only ${starts} starts`);
    assert.ok(returns > 10, `only ${returns} returns`);
  });
});

const VERSIONS = ['1.1.0', '1.2.0-rc.1', '1.2.0', '1.3.0', '1.4.0'];

/** What a bad version does. */
type Defect =
  | 'ends its check'
  | 'ends its activation'
  | 'ends the program when active'
  | 'fails its items'
  | 'fails each third item'
  | 'fails its check';
const DEFECTS: readonly Defect[] = [
  'ends its check',
  'ends its activation',
  'ends the program when active',
  'fails its items',
  'fails each third item',
  'fails its check',
];

/** Runs a bin for a while: it polls, works on, and a bad version does its damage. */
const live = (
  world: MachineWorld,
  defects: ReadonlyMap<string, Defect>,
  versions: readonly string[],
  round: number,
): void => {
  const defectOf = (bundle: { version: string } | null) => defects.get(bundle?.version ?? '');
  world.poll({ versions });
  while (world.job) {
    const { effect } = world.job;
    const defect = effect.type === 'check' || effect.type === 'swap' ? defectOf(effect.bundle) : undefined;
    if (effect.type === 'check' && defect === 'ends its check') {
      world.start();
      return;
    }
    if (effect.type === 'swap' && defect === 'ends its activation') {
      world.start();
      return;
    }
    const fails = effect.type === 'check' && defect === 'fails its check';
    world.settle(fails ? 'check-golden' : null);
  }
  if (defectOf(world.running) === 'ends the program when active') {
    world.start();
    return;
  }
  const defect = defectOf(world.running);
  const isFault = defect === 'fails its items' || (defect === 'fails each third item' && round % 3 === 0);
  world.take({ type: 'item', bundle: world.running ?? FACTORY, isFault });
  world.drain();
  world.take({ type: 'tick' });
};

describe('a bin with bad versions in its repository', () => {
  it('ends with the newest good version, whatever the bad ones do, and tries none for ever', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.constantFrom(...DEFECTS), { freq: 2 }), { minLength: 5, maxLength: 5 }),
        (assigned) => {
          const defects = new Map<string, Defect>();
          for (const [index, defect] of assigned.entries())
            if (defect) defects.set(VERSIONS[index] ?? '', defect);
          const good = VERSIONS.filter((one) => !defects.has(one));
          const world = new MachineWorld();
          for (let round = 0; round < 100; round += 1) live(world, defects, VERSIONS, round);
          const starts = world.starts;
          for (let round = 0; round < 10; round += 1) live(world, defects, VERSIONS, round);
          assert.equal(world.state.current?.version, good.at(-1), JSON.stringify([...defects]));
          assert.equal(world.starts, starts, 'a bad version still ends the program');
          assert.equal(world.wouldUpdate({ versions: VERSIONS }), false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('follows each revocation at once, in any order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(VERSIONS), (versions) => {
        const world = new MachineWorld();
        for (const one of VERSIONS) {
          world.poll({ versions: [one] });
          world.drain();
          for (let item = 0; item < SETTINGS.healthyItems; item += 1)
            world.take({ type: 'item', bundle: waste12(one), isFault: false });
        }
        const revoked: string[] = [];
        for (const one of versions) {
          revoked.push(one);
          world.poll({ revoked });
          world.drain();
          const installed = world.slots.map(textOf);
          const left = VERSIONS.filter(
            (other) => !revoked.includes(other) && installed.includes(`waste12@${other}`),
          );
          assert.equal(world.state.current?.version, left.at(-1));
        }
      }),
      { numRuns: 100 },
    );
  });
});
