import type { CommandName } from '../../kit/command.js';
import { type Entities, type Entity, type EntitySources, entityFor, type TopicOf } from './entities.js';

interface Button {
  readonly name: string;
  readonly icon: string;
  /** Keys of the request. */
  readonly request?: object;
  /** Whether this bin can do it; by default it can. */
  readonly isPossible?: (sources: EntitySources) => boolean;
  /** It is not part of the daily use. */
  readonly isConfig?: true;
}

const hasUpdates = ({ capabilities }: EntitySources): boolean => capabilities.updates;

/** The commands that need no further input. */
const BUTTONS: Partial<Record<CommandName, Button>> = {
  trigger: {
    name: 'Sort an item',
    icon: 'mdi:play',
    isPossible: ({ capabilities }) => capabilities.trigger,
  },
  hold: { name: 'Hold', icon: 'mdi:pause' },
  resume: { name: 'Resume', icon: 'mdi:play-pause' },
  dispute: { name: 'Last item is wrong', icon: 'mdi:thumb-down-outline' },
  'outbox-retry': {
    name: 'Send refused events again',
    icon: 'mdi:email-sync-outline',
    request: { events: 'all' },
    isConfig: true,
  },
  'model.check': {
    name: 'Check for a new model',
    icon: 'mdi:cloud-search-outline',
    isPossible: hasUpdates,
    isConfig: true,
  },
  'model.rollback': {
    name: 'Previous model',
    icon: 'mdi:undo-variant',
    isPossible: hasUpdates,
    isConfig: true,
  },
  'model.pin': { name: 'Pin model', icon: 'mdi:pin-outline', isPossible: hasUpdates, isConfig: true },
  'model.unpin': { name: 'Unpin model', icon: 'mdi:pin-off-outline', isPossible: hasUpdates, isConfig: true },
};

/** Returns a button for each command that the bin accepts over MQTT and that needs no further input. */
export const buttons = (sources: EntitySources, topicOf: TopicOf): Entities => {
  const isAllowed = (command: string) => sources.commands.includes(command);
  const button = (command: string, { name, icon, request = {}, isConfig }: Button): Entity => ({
    platform: 'button',
    name,
    icon,
    ...(isConfig ? { entity_category: 'config' } : {}),
    command_topic: topicOf(`request/${command}`),
    payload_press: JSON.stringify(request),
  });
  const simple = Object.entries(BUTTONS)
    .filter(([command, { isPossible }]) => isAllowed(command) && (isPossible?.(sources) ?? true))
    .map(([command, one]) => [command.replace(/[.-]/g, '_'), button(command, one)] as const);
  const emptied = (compartment: string) =>
    button('emptied', {
      name: `Emptied ${compartment}`,
      icon: 'mdi:delete-empty-outline',
      request: { compartment },
    });
  const compartments = isAllowed('emptied') ? Object.keys(sources.compartments).sort() : [];
  return { ...Object.fromEntries(simple), ...entityFor(compartments, (name) => `emptied_${name}`, emptied) };
};
