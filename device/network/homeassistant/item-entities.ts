import { OUTCOMES } from '../../cycle/state.js';
import { MODES } from '../../status/mode.js';
import {
  binarySensor,
  COUNTER,
  DIAGNOSTIC,
  type Entities,
  entityFor,
  PERCENT,
  sensor,
  type TopicOf,
} from './entities.js';
import { ITEM_EVENT, STATE } from './templates.js';

/** What the bin does, its last item, its faults, and the numbers of items by outcome. */
export const itemEntities = (topicOf: TopicOf): Entities => {
  const state = topicOf('state');
  return {
    state: sensor('State', state, STATE.mode, {
      icon: 'mdi:trash-can-outline',
      device_class: 'enum',
      options: MODES,
    }),
    last_item: {
      platform: 'event',
      name: 'Last item',
      icon: 'mdi:recycle',
      state_topic: topicOf('event'),
      event_types: OUTCOMES,
      value_template: ITEM_EVENT,
    },
    last_label: sensor('Last label', state, STATE.lastLabel, { icon: 'mdi:tag-outline' }),
    last_compartment: sensor('Last compartment', state, STATE.lastCompartment, {
      icon: 'mdi:inbox-arrow-down',
    }),
    last_confidence: sensor('Last confidence', state, STATE.lastConfidence, {
      ...PERCENT,
      icon: 'mdi:gauge',
      suggested_display_precision: 0,
    }),
    problem: binarySensor('Problem', state, STATE.hasFaults, {
      device_class: 'problem',
      json_attributes_topic: state,
      json_attributes_template: STATE.faults,
    }),
    fault: sensor('Fault', state, STATE.faultText, { ...DIAGNOSTIC, icon: 'mdi:alert-circle-outline' }),
    ...entityFor(
      OUTCOMES,
      (outcome) => `items_${outcome}`,
      (outcome) =>
        sensor(`Items ${outcome}`, state, STATE.itemsOf(outcome), {
          ...COUNTER,
          ...(outcome === 'sorted' ? {} : DIAGNOSTIC),
        }),
    ),
  };
};
