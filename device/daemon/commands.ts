import { z } from 'zod';
import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import type { Policy } from '../cycle/policy.js';
import type { Runner } from '../cycle/runner.js';
import { type EventSelection, type Journal, JournalError } from '../journal/journal.js';
import type { Command } from '../kit/command.js';
import { done, failed } from '../kit/errors.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import type { ModelSlot } from '../perception/model/model.js';
import type { Hardware } from '../wire/hardware.js';
import type { Hold } from './hold.js';
import { readStatus, type StatusAnswer, type StatusParts, statusAnswerSchema } from './status-answer.js';

export interface CommandParts extends StatusParts {
  readonly runner: Pick<Runner, 'phase' | 'report' | 'admissionOf'>;
  readonly hardware: Pick<Hardware, 'command' | 'fillParts'>;
  readonly model: Pick<ModelSlot<Policy>, 'active'>;
  readonly hold: Pick<Hold, 'hold' | 'resume'>;
  readonly lastDecided: LastDecided;
  readonly journal: Pick<Journal, 'counters' | 'retryUndeliverable' | 'dropUndeliverable'>;
  readonly publisher: Pick<Publisher, 'notifyUndeliverable' | 'status'>;
}

/** The outcomes of an event that decided about an item. */
const DECIDED = new Set(['sorted', 'refused']);

/** Keeps the id of the last event that decided about an item. */
export class LastDecided implements Observer {
  #id: string | null = null;

  /** null: none yet. */
  get id(): string | null {
    return this.#id;
  }

  event({ id, outcome }: BinEvent): void {
    if (DECIDED.has(outcome)) this.#id = id;
  }
}

const nothing = z.strictObject({});
const oneCompartment = z.strictObject({
  compartment: z.string().max(63).describe('A compartment of the bin'),
});
/** The numbers of undeliverable events, or all of them. */
const selectedEvents = z.strictObject({
  events: z
    .union([z.literal('all'), z.array(z.int().min(1)).min(1).max(1_000)])
    .describe('Numbers of undeliverable events, as `sortbin outbox list` shows them, or all'),
});
const maybeItem = z.strictObject({
  item: z.uuid().optional().describe('`id` of an event; without it, the last item since the start'),
});

/** The commands of a running bin. */
export const makeCommands = (parts: CommandParts): Command[] => [
  triggerCommand(parts),
  ...holdCommands(parts),
  emptiedCommand(parts),
  disputeCommand(parts),
  statusCommand(parts),
  ...outboxCommands(parts),
];

const admission = z.enum(['taken', 'ignored: busy', 'ignored: held']);

const triggerCommand = ({
  hardware,
  runner,
}: CommandParts): Command<z.infer<typeof nothing>, z.infer<typeof admission>> => ({
  name: 'trigger',
  description: 'detects an item now, if trigger.driver is command',
  schema: nothing,
  result: admission.describe('`taken`: the bin sorts it now. `ignored`: it is counted in an event'),
  actuates: true,
  run: async () => {
    if (runner.phase === 'new') return failed('control-failed', 'trigger: the bin is starting. Try again.');
    const trigger = hardware.command.fire();
    if (!trigger)
      return failed(
        'control-unfit',
        'trigger: this bin has no command trigger. Configure `trigger: { driver: command }`.',
      );
    const admitted = await runner.admissionOf(trigger.id);
    if (!admitted.ok) return failed('control-failed', admitted.fault.message);
    const { value } = admitted;
    return done(value === 'taken' ? value : (`ignored: ${value}` as const));
  },
});

const holdCommands = ({ hold }: CommandParts): Command<z.infer<typeof nothing>, string>[] => [
  {
    name: 'hold',
    description: 'finishes the current item, locks the gate, and ignores later triggers',
    schema: nothing,
    result: z.enum(['held', 'held already']),
    actuates: false,
    run: async () => done((await hold.hold()) ? 'held' : 'held already'),
  },
  {
    name: 'resume',
    description: 'ends a hold: the gate moves home, and the bin sorts again',
    schema: nothing,
    result: z.enum(['resumed', 'not held']),
    actuates: true,
    run: async () => done((await hold.resume()) ? 'resumed' : 'not held'),
  },
];

const emptiedCommand = ({
  hardware,
  runner,
  model,
}: CommandParts): Command<z.infer<typeof oneCompartment>, string> => ({
  name: 'emptied',
  description: 'reports that a compartment was emptied',
  schema: oneCompartment,
  result: z.string().describe('A text for people'),
  actuates: false,
  run: async ({ compartment }, { source }) => {
    const { compartmentOf, fallback } = model.active.policy;
    const compartments = new Set([...compartmentOf.values(), fallback]);
    if (!compartments.has(compartment)) {
      const known = [...compartments].sort().join(', ');
      return failed('control-unfit', `emptied: unknown compartment "${compartment}". Use one of ${known}.`);
    }
    await runner.report({ outcome: 'emptied', compartment }, source);
    hardware.fillParts?.fill.markEmptied(compartment);
    return done(`${compartment}: emptied`);
  },
});

const disputeCommand = ({
  runner,
  lastDecided,
}: CommandParts): Command<z.infer<typeof maybeItem>, string> => ({
  name: 'dispute',
  description: 'reports that an item, by default the last one, went to the wrong compartment',
  schema: maybeItem,
  result: z.string().describe('A text for people'),
  actuates: false,
  run: async ({ item = lastDecided.id }, { source }) => {
    if (item === null)
      return failed(
        'control-unfit',
        'dispute: this bin has not sorted an item since its start. Name the event in `item`.',
      );
    try {
      await runner.report({ outcome: 'disputed', item }, source);
      return done(`${item}: disputed`);
    } catch (error) {
      if (!(error instanceof JournalError && error.code === 'unknown-event')) throw error;
      return failed('control-unfit', `dispute: no event ${item} in the journal.`);
    }
  },
});

const statusCommand = (parts: StatusParts): Command<z.infer<typeof nothing>, StatusAnswer> => ({
  name: 'status',
  description: 'returns the state of the bin',
  schema: nothing,
  result: statusAnswerSchema,
  actuates: false,
  isQuery: true,
  run: async () => done(await readStatus(parts)),
});

const outboxCommands = ({
  journal,
  publisher,
}: CommandParts): Command<z.infer<typeof selectedEvents>, number>[] => {
  const outboxCommand = (
    name: 'outbox-retry' | 'outbox-drop',
    description: string,
    change: (events: EventSelection) => Promise<number>,
  ) => ({
    name,
    description,
    schema: selectedEvents,
    result: z.int().nonnegative().describe('Number of events'),
    actuates: false,
    run: async ({ events }: z.infer<typeof selectedEvents>) => {
      const count = await change(events);
      if (count === 0 && events !== 'all') {
        const numbers = events.join(', ');
        return failed(
          'control-unfit',
          `${name}: no undeliverable event ${numbers}. See "sortbin outbox list".`,
        );
      }
      publisher.notifyUndeliverable();
      return done(count);
    },
  });
  return [
    outboxCommand('outbox-retry', 'sends undeliverable events again', (events) =>
      journal.retryUndeliverable(events),
    ),
    outboxCommand('outbox-drop', 'drops undeliverable events', (events) => journal.dropUndeliverable(events)),
  ];
};
