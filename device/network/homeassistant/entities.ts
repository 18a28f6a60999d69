import type { InfoMessage } from '../../status/info.js';

/** A platform of Home Assistant. */
export type Platform = 'sensor' | 'binary_sensor' | 'event' | 'update' | 'button' | 'image';

/** An entity in the keys of Home Assistant, without those that all entities of a bin have. */
export interface Entity {
  readonly platform: Platform;
  readonly name: string;
  readonly [key: string]: unknown;
}

/** Entities by key. The key is a part of their ids: a key that was published once keeps its meaning and platform. */
export type Entities = Readonly<Record<string, Entity>>;

/** What the entities of a bin are made of. */
export type EntitySources = Pick<InfoMessage, 'compartments' | 'capabilities' | 'commands'>;

/** Returns the full topic of a bin, from the topic in its folder. */
export type TopicOf = (topic: string) => string;

/** An entity that helps to find faults, apart from the daily use. */
export const DIAGNOSTIC = { entity_category: 'diagnostic' };
export const PERCENT = { unit_of_measurement: '%', state_class: 'measurement' };
/** Home Assistant recognises a reset when the value falls. */
export const COUNTER = { state_class: 'total_increasing', icon: 'mdi:counter' };

/** A sensor whose value a template takes from a message. */
export const sensor = (
  name: string,
  state_topic: string,
  value_template: string,
  rest: object = {},
): Entity => ({ platform: 'sensor', name, state_topic, value_template, ...rest });

/** A sensor that is on or off. Its template returns `ON` or `OFF`. */
export const binarySensor = (
  name: string,
  state_topic: string,
  value_template: string,
  rest: object = {},
): Entity => ({ platform: 'binary_sensor', name, state_topic, value_template, ...rest });

/** Makes an entity for each name. */
export const entityFor = (
  names: readonly string[],
  keyOf: (name: string) => string,
  make: (name: string) => Entity,
): Entities => Object.fromEntries(names.map((name) => [keyOf(name), make(name)]));
