import { DEVICE, type Scenario } from '../world.js';

/** All entities are unavailable while the bin is killed or stopped, and come back. */
export const availability: Scenario = async (world) => {
  const bin = await world.startBin('bin');
  const isAvailable = (state: string | undefined) => state !== undefined && state !== 'unavailable';
  const expectAll = (what: string, isUp: boolean) =>
    world.expectEntities(
      what,
      ({ all }) => all.length > 0 && all.every(({ state }) => isAvailable(state) === isUp),
    );
  const before = await expectAll('all entities are available', true);
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await bin.stop(signal);
    await expectAll(`all are unavailable after ${signal}`, false);
    await bin.start();
    const after = await expectAll('all are available again', true);
    const ids = (entities: typeof before) => entities.all.map(({ id }) => id).join();
    world.findings.check(
      ids(after) === ids(before),
      `other entities: ${ids(after)} instead of ${ids(before)}`,
    );
  }
  world.findings.note(`${before.all.length} entities of ${DEVICE}`);
};

/** A bin whose announcement was lost announces itself again when Home Assistant starts. */
export const birth: Scenario = async (world) => {
  await world.startBin('bin');
  await world.expectStates('the bin is known', { state: 'ready' });
  await world.witness.client.publishAsync('homeassistant/device/sortbin-bin/config', '', {
    retain: true,
    qos: 1,
  });
  await world.expectGone('Home Assistant removes the device', 'sortbin-bin');
  await world.homeAssistant.restart();
  await world.expectStates('the bin is known again', { state: 'ready' });
};
