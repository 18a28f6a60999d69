import { until } from '../../support/until.js';
import type { Bin } from '../bin.js';
import { DEVICE, type Scenario, type Scenarios, type World } from '../world.js';

const policyOf = (compartments: object) => ({ policy: { compartments, fallback: 'rest' } });
const REST = ['biological', 'clothes', 'shoes', 'trash'];
const BOTTLES = ['brown-glass', 'green-glass', 'white-glass'];
const fillOf = (...names: string[]) => ({
  fill: {
    driver: 'simulated',
    script: names.map((compartment) => ({ afterMs: 0, compartment, percent: 5 })),
  },
});
const BEFORE = {
  ...policyOf({
    paper: ['paper', 'cardboard'],
    glass: BOTTLES,
    packaging: ['plastic', 'metal'],
    rest: REST,
  }),
  ...fillOf('paper', 'glass', 'packaging', 'rest'),
};
/** `glass` has another name, and `packaging` is gone. */
const AFTER = {
  ...policyOf({ paper: ['paper', 'cardboard'], bottles: BOTTLES, rest: [...REST, 'plastic', 'metal'] }),
  ...fillOf('paper', 'bottles', 'rest'),
};

const expectAfter = async (world: World, when: string): Promise<void> => {
  const isOld = (key: string) => /_(glass|packaging)$/.test(key);
  await world.expectEntities(
    `only the new compartments exist ${when}`,
    (entities) =>
      !entities.keys.some(isOld) &&
      ['fill_bottles', 'fill_paper'].every((key) => entities.state(key) === '5'),
  );
};

/** A bin with one compartment renamed and one removed leaves nothing behind. `change`: makes the bin run with AFTER. */
const changed =
  (change: (world: World, bin: Bin) => Promise<void>): Scenario =>
  async (world) => {
    const bin = await world.startBin('bin', BEFORE);
    const before = {
      fill_glass: '5',
      full_packaging: 'off',
      items_in_packaging: '0',
      emptied_glass: 'unknown',
    };
    await world.expectStates('the first compartments exist', before);
    await change(world, bin);
    await expectAfter(world, 'after the change');
    await bin.restartWith(AFTER);
    await expectAfter(world, 'after a restart of the bin');
    await world.homeAssistant.restart();
    await world.settle();
    await expectAfter(world, 'after a restart of Home Assistant');
    await world.homeAssistant.restart();
    await world.settle();
    await expectAfter(world, 'after another restart of Home Assistant');
  };

export const compartments: Scenarios = {
  'renamed-while-up': changed((_, bin) => bin.restartWith(AFTER)),
  'renamed-after-kill': changed(async (_, bin) => {
    await bin.stop('SIGKILL');
    await bin.restartWith(AFTER);
  }),
  'renamed-while-home-assistant-is-down': changed(async ({ homeAssistant }, bin) => {
    await homeAssistant.stop();
    await bin.restartWith(AFTER);
    await homeAssistant.start();
  }),
  // Home Assistant starts while the bin is down: the bin does not see the birth message.
  'renamed-and-both-down': changed(async (world, bin) => {
    await world.homeAssistant.stop();
    await bin.restartWith(AFTER);
    const isKnown = () => world.witness.discovery(DEVICE)?.components.fill_bottles !== undefined;
    await until('the bin announces the new compartments', isKnown);
    await bin.stop();
    await world.homeAssistant.start();
    await world.settle();
    await bin.start();
  }),
};
