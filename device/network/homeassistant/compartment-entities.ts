import {
  binarySensor,
  COUNTER,
  type Entities,
  type EntitySources,
  entityFor,
  PERCENT,
  sensor,
  type TopicOf,
} from './entities.js';
import { STATE } from './templates.js';

/** The number of items in each compartment, and its fill level if it has a sensor. */
export const compartmentEntities = (
  { compartments, capabilities }: EntitySources,
  topicOf: TopicOf,
): Entities => {
  const state = topicOf('state');
  const itemsIn = (name: string) => sensor(`Items in ${name}`, state, STATE.itemsIn(name), COUNTER);
  const fillOf = (name: string) =>
    sensor(`Fill level ${name}`, state, STATE.fillOf(name), { ...PERCENT, icon: 'mdi:delete-variant' });
  const isFull = (name: string) =>
    binarySensor(`Full ${name}`, state, STATE.isFull(name), { device_class: 'problem' });
  return {
    ...entityFor(capabilities.fill, (name) => `fill_${name}`, fillOf),
    ...entityFor(capabilities.fill, (name) => `full_${name}`, isFull),
    ...entityFor(Object.keys(compartments).sort(), (name) => `items_in_${name}`, itemsIn),
  };
};
