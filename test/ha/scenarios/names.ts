import type { Scenario } from '../world.js';

const COMMANDS = ['status', 'trigger', 'hold', 'resume', 'emptied', 'dispute', 'outbox-retry'];
/** A name of the greatest length, with what ends a text in JSON, in Jinja, in HTML and in a shell. */
const HOSTILE_NAME =
  `Müllbehälter "a'b" {{ 1 / 0 }} {% raw %} </script> $(id) \\n \\ 🗑️ 分別箱 ${'x'.repeat(100)}`.slice(0, 100);
const LONG = 'x'.repeat(62);
/** Names that differ in one sign, that JavaScript and Jinja know, that are numbers, and that have the greatest length. */
const COMPARTMENTS = {
  'a-b': ['paper', 'cardboard'],
  a_b: ['plastic'],
  a_b_2: ['metal'],
  constructor: ['biological'],
  valueof: ['brown-glass'],
  items: ['green-glass'],
  get: ['white-glass'],
  7: ['clothes'],
  [`${LONG}1`]: ['shoes'],
  [`${LONG}2`]: ['trash'],
};

/** Two bins whose names differ in one sign, each with hostile names of compartments. */
export const names: Scenario = async (world) => {
  const bins = [
    { id: 'a-b', name: HOSTILE_NAME },
    { id: 'a_b', name: HOSTILE_NAME.replace('Müll', 'müll') },
  ];
  const fill = Object.keys(COMPARTMENTS).map((compartment, index) => ({
    afterMs: 0,
    compartment,
    percent: index,
  }));
  for (const bin of bins)
    await world.startBin(bin.id, {
      bin,
      policy: { compartments: COMPARTMENTS, fallback: 'a_b' },
      fill: { driver: 'simulated', script: fill },
      mqtt: { commands: COMMANDS },
    });
  const { findings } = world;
  const payloads = () => bins.map(({ id }) => world.witness.discovery(`sortbin-${id}`));
  await world.expect(
    'both bins announce themselves',
    async () => payloads().map((payload) => payload !== undefined),
    (known) => known.every(Boolean),
  );
  const ids: string[] = [];
  for (const [index, { id, name }] of bins.entries()) {
    const components = Object.values(payloads()[index]?.components ?? {});
    const entities = await world.expectEntities(
      `${id}: Home Assistant has all ${components.length} entities, with a state`,
      ({ all }) =>
        all.length === components.length &&
        all.every(({ state }) => state !== undefined && state !== 'unavailable'),
      `sortbin-${id}`,
    );
    const { all } = entities;
    ids.push(...all.map((entity) => entity.id));
    const device = all.find((entity) => entity.device !== name)?.device;
    findings.check(device === undefined, `${id}: the device is called ${device}`);
    for (const component of components) {
      const entity = all.find(({ uniqueId }) => uniqueId === component.unique_id);
      findings.check(entity?.name === component.name, `${component.unique_id} is called ${entity?.name}`);
    }
    const levels = Object.keys(COMPARTMENTS).map((name, level) => [`fill_${name}`, `${level}`]);
    await world.expectStates(`${id}: the levels`, Object.fromEntries(levels), `sortbin-${id}`);
    findings.note(`${id}: ${all.length} entities of "${name}"`);
  }
  findings.check(new Set(ids).size === ids.length, 'two entities have the same id');
};
