import { z } from 'zod';
import { eventSchema } from '../../cycle/event.js';
import { responseSchemaOf } from '../../network/commands/messages.js';
import { faultMessageSchema } from '../../status/fault-message.js';
import { infoMessageSchema } from '../../status/info.js';
import { stateMessageSchema } from '../../status/state-message.js';
import { statsMessageSchema } from '../../status/stats-message.js';
import { updateMessageSchema } from '../../update/status-schema.js';

/** A topic that a bin publishes, below `<mqtt.prefix>/<bin.id>/`. */
export interface TopicEntry {
  /** `fault/<code>`: a topic for each code. */
  readonly topic: string;
  readonly isRetained: boolean;
  readonly qos: 0 | 1;
  /** What the payload is, as Markdown. */
  readonly payload: string;
  readonly when: string;
  readonly schema: z.ZodType;
}

const retained = { isRetained: true, qos: 1 } as const;

/** All topics that a bin publishes. */
export const TOPICS: readonly TopicEntry[] = [
  {
    ...retained,
    topic: 'availability',
    payload: '`online` or `offline`, as text',
    when: 'after each connection, and at the stop',
    schema: z.enum(['online', 'offline']),
  },
  {
    ...retained,
    topic: 'info',
    payload: 'the bin and its model, see [Info](#info)',
    when: 'at the start, and if the model or its runtime changes',
    schema: infoMessageSchema,
  },
  {
    ...retained,
    topic: 'update',
    payload: 'the updates of the model, see [Update](#update)',
    when: 'on change',
    schema: updateMessageSchema,
  },
  {
    ...retained,
    topic: 'state',
    payload: 'the present state, see [State](#state)',
    when: 'on change, at most once a second',
    schema: stateMessageSchema,
  },
  {
    ...retained,
    topic: 'fault/<code>',
    payload: 'whether a fault is in force, see [Fault](#fault)',
    when: 'when it is raised, changes or ends',
    schema: faultMessageSchema,
  },
  {
    topic: 'event',
    isRetained: false,
    qos: 1,
    payload: 'an item, or a report of a person, see [Event](#event)',
    when: 'after each item; at least once',
    schema: eventSchema,
  },
  {
    topic: 'stats',
    isRetained: false,
    qos: 0,
    payload: 'figures, see [Statistics](#statistics)',
    when: 'each minute',
    schema: statsMessageSchema,
  },
  {
    topic: 'image',
    isRetained: false,
    qos: 0,
    payload: 'the picture of the item as a JPEG file, at most 640 pixels wide and high',
    when: 'after each item, if `mqtt.image` is on',
    schema: z.string().meta({ contentMediaType: 'image/jpeg' }),
  },
  {
    topic: 'response/<command>',
    isRetained: false,
    qos: 1,
    payload: 'the answer to a request, see [Responses](#responses)',
    when: 'after each request',
    schema: responseSchemaOf(z.unknown()),
  },
];

/** Returns the entry of a topic without its beginning, or undefined. */
export const entryOf = (topic: string): TopicEntry | undefined =>
  TOPICS.find(
    (entry) => entry.topic === topic || entry.topic.replace(/<.*>$/, '') === topic.replace(/[^/]*$/, ''),
  );
