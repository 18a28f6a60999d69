import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMMAND_NAMES } from '../../../device/kit/command.js';
import {
  type Discovery,
  discoveryOf,
  withPlaceholders,
  withRemoved,
} from '../../../device/network/homeassistant/discovery.js';
import { NAMES, someInfo } from '../../support/network/home-assistant.js';

type Component = Readonly<Record<string, unknown>>;

const componentsOf = (discovery: Discovery) =>
  Object.entries(discovery.components as Readonly<Record<string, Component>>);

const keysOf = (discovery: Discovery, platform: string): string[] =>
  componentsOf(discovery)
    .filter(([, component]) => component.platform === platform)
    .map(([key]) => key);

describe('discovery', () => {
  it('describes the bin as one device, with its availability', () => {
    const { device, origin, availability_topic } = discoveryOf(someInfo(), NAMES);
    assert.deepEqual(device, {
      identifiers: ['sortbin-kitchen'],
      name: 'Kitchen',
      manufacturer: 'sortbin',
      model: 'Sorting bin',
      sw_version: '1.0.0',
    });
    assert.deepEqual(origin, { name: 'sortbin', sw_version: '1.0.0' });
    assert.equal(availability_topic, 'sortbin/kitchen/availability');
  });

  it('has a button for each allowed command that needs no input, and no other one', () => {
    const none = discoveryOf(someInfo({ commands: ['status', 'model.list'] }), NAMES);
    assert.deepEqual(keysOf(none, 'button'), []);
    const some = discoveryOf(someInfo({ commands: ['hold', 'emptied'] }), NAMES);
    assert.deepEqual(keysOf(some, 'button'), ['hold', 'emptied_glass', 'emptied_paper']);
    const { emptied_glass, hold } = some.components as Record<string, Component>;
    assert.equal(hold?.command_topic, 'sortbin/kitchen/request/hold');
    assert.equal(hold?.payload_press, '{}');
    assert.equal(emptied_glass?.command_topic, 'sortbin/kitchen/request/emptied');
    assert.equal(emptied_glass?.payload_press, '{"compartment":"glass"}');
  });

  it('has no button that this bin refuses', () => {
    const all = someInfo({ commands: [...COMMAND_NAMES] });
    const { updates, trigger } = all.capabilities;
    assert.deepEqual([updates, trigger], [false, false]);
    const keys = keysOf(discoveryOf(all, NAMES), 'button');
    assert.deepEqual(
      keys.filter((key) => !key.startsWith('emptied_')),
      ['hold', 'resume', 'dispute', 'outbox_retry'],
    );
  });

  it('shows the model as an update only if models come from a repository', () => {
    assert.deepEqual(keysOf(discoveryOf(someInfo(), NAMES), 'update'), []);
    const { components } = discoveryOf(someInfo({}, { updates: true }), NAMES);
    const { model_update } = components as Record<string, Component>;
    assert.equal(model_update?.platform, 'update');
    assert.equal(model_update?.command_topic, undefined, 'model.install is not allowed');
    const allowed = discoveryOf(someInfo({ commands: ['model.install'] }, { updates: true }), NAMES);
    const install = (allowed.components as Record<string, Component>).model_update;
    assert.equal(install?.command_topic, 'sortbin/kitchen/request/model.install');
    assert.equal(install?.payload_install, '{}');
  });

  it('shows fill levels only of compartments with a sensor, and the picture only if it is published', () => {
    const bare = Object.keys(discoveryOf(someInfo(), NAMES).components);
    const full = Object.keys(discoveryOf(someInfo({}, { fill: ['paper'], image: true }), NAMES).components);
    assert.deepEqual(
      full.filter((key) => !bare.includes(key)),
      ['fill_paper', 'full_paper', 'image'],
    );
  });

  it('gives each entity ids that no other entity of any bin has', () => {
    const names = ['a-b', 'a_b', 'constructor', 'full_a', 'a'];
    const compartments = Object.fromEntries(names.map((name) => [name, []]));
    const info = someInfo({ compartments, commands: [...COMMAND_NAMES] }, { fill: names, updates: true });
    const ids = ['sortbin-a', 'sortbin-a_fill', 'sortbin-a_items_in'].flatMap((device) =>
      componentsOf(discoveryOf(info, { device, base: 'sortbin/a' })).map(
        ([, { platform, unique_id }]) => `${platform} ${unique_id}`,
      ),
    );
    assert.equal(new Set(ids).size, ids.length);
    for (const [, { default_entity_id }] of componentsOf(
      discoveryOf(info, { device: 'Site-_x--Bin', base: 'x' }),
    ))
      assert.match(String(default_entity_id), /^[a-z_]+\.site_x_bin_[a-z0-9]+(_[a-z0-9]+)*$/);
  });

  it('removes entities, but none that has come back', () => {
    const discovery = discoveryOf(someInfo(), NAMES);
    const gone = { items_in_metal: 'sensor', items_in_glass: 'sensor' } as const;
    const removed = withRemoved(discovery, gone).components as Record<string, Component>;
    assert.deepEqual(removed.items_in_metal, { platform: 'sensor' });
    assert.deepEqual(removed.items_in_glass, discovery.components.items_in_glass);
  });

  it('announces an entity with its earlier id before it is removed', () => {
    const before = discoveryOf(someInfo({ compartments: { metal: [] } }), NAMES);
    const { items_in_metal } = before.components as Record<string, Component>;
    const after = withPlaceholders(discoveryOf(someInfo(), NAMES), { items_in_metal: 'sensor' }, NAMES);
    const placeholder = (after.components as Record<string, Component>).items_in_metal;
    assert.equal(placeholder?.unique_id, items_in_metal?.unique_id);
    assert.equal(placeholder?.state_topic, 'sortbin/kitchen/removed');
  });
});
