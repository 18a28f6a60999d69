import { until } from '../../support/until.js';
import type { Bin, BinConfig } from '../bin.js';
import type { Scenario, Scenarios, World } from '../world.js';
import { DEVICE } from '../world.js';

const READY = { state: 'ready', items_sorted: '0' };

/** A bin that does not announce itself any more, or has another identity, leaves nothing behind. */
const removed =
  (
    change: (world: World, bin: Bin) => Promise<void>,
    /** The device that the bin has then. Null: none. */
    next: string | null,
  ): Scenario =>
  async (world) => {
    const bin = await world.startBin('bin');
    await world.expectStates('the bin is known', READY);
    await change(world, bin);
    const check = async (when: string) => {
      await world.expectGone(`nothing of the old device is left ${when}`, DEVICE);
      if (next !== null) await world.expectStates(`the new device is known ${when}`, READY, next);
    };
    await check('after the change');
    await world.homeAssistant.restart();
    await world.settle();
    await check('after a restart of Home Assistant');
  };

const OFF = { mqtt: { homeAssistant: { enabled: false } } };
const OTHER_ID = { bin: { id: 'other' } };
const OTHER_PREFIX = { mqtt: { prefix: 'site/hall' } };
const OTHER_DISCOVERY = { mqtt: { homeAssistant: { enabled: true, prefix: 'elsewhere' } } };

const whileUp = (config: BinConfig) => (_: World, bin: Bin) => bin.restartWith(config);
const whileDown = (config: BinConfig) => async (world: World, bin: Bin) => {
  await world.homeAssistant.stop();
  await bin.restartWith(config);
  await world.homeAssistant.start();
};

/** A bin that has never announced itself is unknown to Home Assistant, which logs nothing about it. */
const neverOn: Scenario = async (world) => {
  const bin = await world.startBin('bin', OFF);
  await bin.stop();
  await bin.start();
  await world.homeAssistant.restart();
  await world.settle();
  await world.expectGone('nothing of the bin is known', DEVICE);
};

export const removal: Scenarios = {
  'never-on': neverOn,
  'turned-off': removed(whileUp(OFF), null),
  'turned-off-while-home-assistant-is-down': removed(whileDown(OFF), null),
  'turned-off-and-both-down': removed(async (world, bin) => {
    await world.homeAssistant.stop();
    await bin.restartWith(OFF);
    await until('the announcement is removed', () => world.witness.discovery(DEVICE) === undefined);
    await bin.stop();
    await world.homeAssistant.start();
    await world.settle();
    await bin.start();
  }, null),
  'turned-off-and-on': removed(async (_, bin) => {
    await bin.restartWith(OFF);
    await bin.restartWith(OFF);
    await bin.restartWith({});
    await bin.restartWith(OTHER_DISCOVERY);
  }, null),
  'other-id': removed(whileUp(OTHER_ID), 'sortbin-other'),
  'other-id-while-home-assistant-is-down': removed(async (world, bin) => {
    await whileDown(OTHER_ID)(world, bin);
    await world.settle();
    // The bin forgets its old device. A person deletes it.
    const old = (await world.homeAssistant.devices()).find(
      ({ identifiers }) => identifiers[0]?.[1] === DEVICE,
    );
    world.findings.check(old !== undefined, 'the old device is gone without a person');
    if (old) await world.homeAssistant.deleteDevice(old.id);
  }, 'sortbin-other'),
  'other-prefix': removed(whileUp(OTHER_PREFIX), 'site-_hall-bin'),
  'other-discovery-prefix': removed(whileUp(OTHER_DISCOVERY), null),
};
