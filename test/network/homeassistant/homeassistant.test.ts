import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { HomeAssistant } from '../../../device/network/homeassistant/homeassistant.js';
import { NAMES, someInfo } from '../../support/network/home-assistant.js';
import { MemoryOutbox } from '../../support/network/memory-outbox.js';
import { SimulatedPublisher } from '../../support/network/simulated-publisher.js';
import { until } from '../../support/until.js';

const TOPIC = 'homeassistant/device/sortbin-kitchen/config';
const METAL = { compartments: { paper: [], metal: [] } };
const log = pino({ level: 'silent' });

/** What outlives a restart of the bin. */
const makeDisk = () => {
  const states = new Map<string, object>();
  return {
    states,
    saveState: async (name: string, state: object) => void states.set(name, structuredClone(state)),
    loadState: async (name: string) => states.get(name) ?? null,
  };
};

/** A bin that is connected to a broker. */
const startBin = async (disk = makeDisk(), options: { isEnabled?: boolean; device?: string } = {}) => {
  const clock = new SimulatedClock();
  const publisher = new SimulatedPublisher(new MemoryOutbox(), { clock, log });
  publisher.start();
  await until('connected', () => publisher.status().connected);
  const homeAssistant = await HomeAssistant.open({
    ...NAMES,
    isEnabled: true,
    prefix: 'homeassistant',
    publisher,
    journal: disk,
    clock,
    random: () => 0.5,
    log,
    ...options,
  });
  const payload = () => JSON.parse(publisher.retained.get(TOPIC) ?? 'null');
  const birth = (text = 'online', retained = false) =>
    publisher.deliver('homeassistant/status', text, retained);
  const advance = async (ms: number) => {
    await new Promise(setImmediate);
    await clock.advance(ms);
    await new Promise(setImmediate);
  };
  return { homeAssistant, publisher, payload, birth, advance };
};

describe('Home Assistant', () => {
  it('has the description of the bin as a retained message', async () => {
    const { homeAssistant, payload } = await startBin();
    homeAssistant.update(someInfo());
    assert.equal(payload().device.name, 'Kitchen');
    assert.equal(payload().components.items_in_glass.platform, 'sensor');
  });

  it('removes the entities of a compartment that does not exist any more, also after a restart', async () => {
    const disk = makeDisk();
    (await startBin(disk)).homeAssistant.update(someInfo(METAL));
    const second = await startBin(disk);
    second.homeAssistant.update(someInfo());
    assert.deepEqual(second.payload().components.items_in_metal, { platform: 'sensor' });
    const third = await startBin(disk);
    third.homeAssistant.update(someInfo());
    assert.deepEqual(third.payload().components.items_in_metal, { platform: 'sensor' });
    third.homeAssistant.update(someInfo(METAL));
    assert.equal(third.payload().components.items_in_metal.state_topic, 'sortbin/kitchen/state');
  });

  it('sends its description again after a birth message, with jitter', async () => {
    const { homeAssistant, publisher, birth, advance } = await startBin();
    homeAssistant.update(someInfo());
    await homeAssistant.start();
    birth('offline');
    birth('online', true);
    birth();
    birth();
    await advance(2_499);
    assert.deepEqual(publisher.repeated, []);
    await advance(1);
    assert.deepEqual(publisher.repeated, [TOPIC]);
    await advance(60_000);
    assert.deepEqual(publisher.repeated, [TOPIC], 'only one answer at a time');
    birth();
    await advance(2_500);
    assert.deepEqual(publisher.repeated, [TOPIC, TOPIC]);
  });

  it('shows removed entities once to a Home Assistant that starts, and then removes them', async () => {
    const disk = makeDisk();
    (await startBin(disk)).homeAssistant.update(someInfo(METAL));
    const { homeAssistant, payload, birth, advance } = await startBin(disk);
    homeAssistant.update(someInfo());
    await homeAssistant.start();
    birth();
    await advance(2_500);
    assert.equal(payload().components.items_in_metal.state_topic, 'sortbin/kitchen/removed');
    await advance(3_000);
    assert.deepEqual(payload().components.items_in_metal, { platform: 'sensor' });
    await advance(3_000);
    assert.equal(payload().components.items_in_metal, undefined);
    const next = await startBin(disk);
    next.homeAssistant.update(someInfo());
    assert.equal(next.payload().components.items_in_metal, undefined);
  });

  it('repeats a removal at its start until a birth message, which it may have missed', async () => {
    const disk = makeDisk();
    (await startBin(disk)).homeAssistant.update(someInfo(METAL));
    (await startBin(disk)).homeAssistant.update(someInfo());
    for (const restart of ['first', 'second']) {
      const { homeAssistant, payload, advance } = await startBin(disk);
      homeAssistant.update(someInfo());
      await homeAssistant.start();
      await advance(0);
      const { items_in_metal } = payload().components;
      assert.equal(items_in_metal.state_topic, 'sortbin/kitchen/removed', restart);
      await advance(3_000);
      assert.deepEqual(payload().components.items_in_metal, { platform: 'sensor' }, restart);
    }
  });

  it('answers a birth message that comes while it repeats a removal', async () => {
    const disk = makeDisk();
    (await startBin(disk)).homeAssistant.update(someInfo(METAL));
    (await startBin(disk)).homeAssistant.update(someInfo());
    const { homeAssistant, payload, birth, advance } = await startBin(disk);
    homeAssistant.update(someInfo());
    await homeAssistant.start();
    await advance(1_000);
    birth();
    for (const ms of [2_000, 2_500, 3_000, 3_000]) await advance(ms);
    assert.equal(payload().components.items_in_metal, undefined);
  });

  it('does not touch the announcement if it was never enabled', async () => {
    const { homeAssistant, publisher, birth, advance } = await startBin(makeDisk(), { isEnabled: false });
    publisher.retained.set(TOPIC, 'of another program');
    homeAssistant.update(someInfo());
    await homeAssistant.start();
    birth();
    await advance(10_000);
    assert.equal(publisher.retained.get(TOPIC), 'of another program');
  });

  it('keeps a change of the bin that comes during an answer to a birth message', async () => {
    const disk = makeDisk();
    (await startBin(disk)).homeAssistant.update(someInfo(METAL));
    const { homeAssistant, payload, birth, advance } = await startBin(disk);
    homeAssistant.update(someInfo());
    await homeAssistant.start();
    birth();
    await advance(2_500);
    homeAssistant.update(someInfo({ compartments: { metal: [] } }));
    await advance(3_000);
    const { components } = payload();
    assert.equal(components.items_in_metal.state_topic, 'sortbin/kitchen/state');
    assert.deepEqual(components.items_in_glass, { platform: 'sensor' });
    await advance(3_000);
    assert.deepEqual(payload().components.items_in_glass, { platform: 'sensor' }, 'not shown yet');
  });

  it('does not remove the entities of another device', async () => {
    const disk = makeDisk();
    (await startBin(disk, { device: 'sortbin-cellar' })).homeAssistant.update(someInfo(METAL));
    const { homeAssistant, payload } = await startBin(disk);
    homeAssistant.update(someInfo());
    assert.equal(payload().components.items_in_metal, undefined);
  });

  it('removes the device from a Home Assistant that starts after it was disabled', async () => {
    const disk = makeDisk();
    (await startBin(disk)).homeAssistant.update(someInfo());
    const { homeAssistant, payload, birth, advance } = await startBin(disk, { isEnabled: false });
    homeAssistant.update(someInfo());
    assert.equal(payload(), null);
    await homeAssistant.start();
    birth();
    await advance(2_500);
    assert.equal(payload().components.items_in_glass.state_topic, 'sortbin/kitchen/removed');
    await advance(3_000);
    assert.equal(payload(), null);
    await advance(3_000);
    const next = await startBin(disk, { isEnabled: false });
    next.homeAssistant.update(someInfo());
    await next.homeAssistant.start();
    next.birth();
    await next.advance(10_000);
    assert.equal(next.payload(), null);
  });

  it('ends its answer to a birth message when the bin stops', async () => {
    const { homeAssistant, publisher, birth, advance } = await startBin();
    homeAssistant.update(someInfo());
    await homeAssistant.start();
    birth();
    await homeAssistant.stop();
    await advance(10_000);
    assert.deepEqual(publisher.repeated, []);
  });
});
