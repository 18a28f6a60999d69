import type { InfoMessage } from '../../status/info.js';
import { buttons } from './buttons.js';
import { compartmentEntities } from './compartment-entities.js';
import { deviceEntities } from './device-entities.js';
import type { Entities, Platform } from './entities.js';
import { itemEntities } from './item-entities.js';

/** The platforms of entities, by key. */
export type Platforms = Readonly<Record<string, Platform>>;

export interface Discovery {
  readonly device: object;
  readonly components: Readonly<Record<string, { readonly platform: Platform }>>;
  readonly [key: string]: unknown;
}

export interface DiscoveryNames {
  /** Identifies the bin among all devices: letters, digits, "_" and "-". */
  readonly device: string;
  /** The beginning of all topics of the bin, without a "/" at the end. */
  readonly base: string;
}

/** What discovery takes from the topic `info`. */
export type DiscoveryInfo = Pick<
  InfoMessage,
  'bin' | 'sortbin' | 'compartments' | 'capabilities' | 'commands'
>;

/** Returns the payload of Home Assistant's device discovery. Pure. */
export const discoveryOf = (info: DiscoveryInfo, names: DiscoveryNames): Discovery => {
  const { device, base } = names;
  const topicOf = (topic: string) => `${base}/${topic}`;
  const entities: Entities = {
    ...itemEntities(topicOf),
    ...compartmentEntities(info, topicOf),
    ...deviceEntities(info, topicOf),
    ...buttons(info, topicOf),
  };
  const components = Object.entries(entities).map(([key, entity]) => {
    const id = `${entity.platform}.${entityIdPart(`${device}_${key}`)}`;
    return [key, { ...entity, unique_id: uniqueId(device, key), default_entity_id: id }] as const;
  });
  return {
    device: {
      identifiers: [device],
      name: info.bin.name,
      manufacturer: 'sortbin',
      model: 'Sorting bin',
      sw_version: info.sortbin,
    },
    origin: { name: 'sortbin', sw_version: info.sortbin },
    availability_topic: topicOf('availability'),
    components: Object.fromEntries(components),
  };
};

/** Returns a payload that also removes entities, from a Home Assistant that has them. */
export const withRemoved = (discovery: Discovery, gone: Platforms): Discovery =>
  withComponents(discovery, gone, (platform) => ({ platform }));

/**
 * Returns a payload that also has the removed entities, without a function. Home Assistant removes only entities that it
 * has discovered since its start: one that was down during the removal needs this payload before.
 */
export const withPlaceholders = (
  discovery: Discovery,
  gone: Platforms,
  { device, base }: DiscoveryNames,
): Discovery =>
  withComponents(discovery, gone, (platform, key) => ({
    platform,
    unique_id: uniqueId(device, key),
    ...PLACEHOLDERS[platform](`${base}/removed`),
  }));

export const platformsOf = ({ components }: Discovery): Platforms =>
  Object.fromEntries(Object.entries(components).map(([key, { platform }]) => [key, platform]));

const withComponents = (
  discovery: Discovery,
  gone: Platforms,
  make: (platform: Platform, key: string) => { readonly platform: Platform },
): Discovery => {
  const more = Object.entries(gone).map(([key, platform]) => [key, make(platform, key)] as const);
  return { ...discovery, components: { ...Object.fromEntries(more), ...discovery.components } };
};

/** The keys that each platform needs. Nothing is sent on the topic. */
const PLACEHOLDERS: Readonly<Record<Platform, (topic: string) => object>> = {
  sensor: (topic) => ({ state_topic: topic }),
  binary_sensor: (topic) => ({ state_topic: topic }),
  event: (topic) => ({ state_topic: topic, event_types: ['none'] }),
  update: (topic) => ({ state_topic: topic }),
  button: (topic) => ({ command_topic: topic }),
  image: (topic) => ({ image_topic: topic }),
};

/** The id of a bin contains no ".": no two entities have the same id. */
const uniqueId = (device: string, key: string): string => `${device}.${key}`;

/** Home Assistant allows a-z, 0-9 and single "_" between them. */
const entityIdPart = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
