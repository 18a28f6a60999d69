import type { Scenario } from '../world.js';

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
