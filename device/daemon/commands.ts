import { z } from 'zod';
import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import type { Policy } from '../cycle/policy.js';
import type { Runner } from '../cycle/runner.js';
import { type EventSelection, type Journal, JournalError } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import type { Command } from '../kit/command.js';
import { done, failed } from '../kit/errors.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import type { ModelSlot } from '../perception/model/model.js';
import { type FaultMessage, faultsByCode, raisedMessage } from '../status/fault-message.js';
import type { Liveness, LivenessState } from '../status/liveness.js';
import type { MachineReport } from '../status/machine-report.js';
import { type Mode, modeOf } from '../status/mode.js';
import type { BinState, Status } from '../status/status.js';
import type { Hardware } from '../wire/hardware.js';
import { countersSoon } from './bin-messages.js';
import type { Hold } from './hold.js';
import type { UpdateSummary } from './update-summary.js';

export interface CommandParts {
  readonly runner: Pick<Runner, 'phase' | 'report' | 'admissionOf'>;
  readonly hardware: Pick<Hardware, 'command' | 'fillParts'>;
  readonly model: Pick<ModelSlot<Policy>, 'active'>;
  readonly hold: Pick<Hold, 'hold' | 'resume'>;
  readonly lastDecided: LastDecided;
  readonly status: Pick<Status, 'snapshot'>;
  readonly liveness: Pick<Liveness, 'healthy'>;
  readonly journal: Pick<Journal, 'counters' | 'retryUndeliverable' | 'dropUndeliverable'>;
  readonly publisher: Pick<Publisher, 'notifyUndeliverable' | 'status'>;
  /** Without a login. */
  readonly brokerUrl: string;
  /** Returns the newest readings of the machine. */
  readonly machine: () => MachineReport;
  /** Returns the state of updates; null: they are not configured. */
  readonly updates: () => UpdateSummary | null;
  readonly clock: Clock;
}

export type StatusParts = Pick<
  CommandParts,
  'status' | 'liveness' | 'journal' | 'publisher' | 'brokerUrl' | 'machine' | 'updates' | 'clock'
>;

/** The value of the command `status`. */
export interface StatusAnswer {
  readonly state: BinState;
  readonly liveness: LivenessState;
  readonly broker: { readonly url: string; readonly connected: boolean };
  /** Events that wait for the broker, without undeliverable ones; null: the journal gives no answer. */
  readonly waiting: number | null;
  /** null: updates are not configured. */
  readonly update: UpdateSummary | null;
  readonly mode: Mode;
  /** The faults in force, as on the topics `fault/<code>`. */
  readonly faults: readonly FaultMessage[];
  readonly machine: MachineReport;
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
const oneCompartment = z.strictObject({ compartment: z.string().max(63) });
/** The numbers of undeliverable events, or all of them. */
const selectedEvents = z.strictObject({
  events: z.union([z.literal('all'), z.array(z.int().min(1)).min(1).max(1_000)]),
});
const maybeItem = z.strictObject({ item: z.uuid().optional() });

/** The commands of a running bin. */
export const makeCommands = (parts: CommandParts): Command[] => [
  triggerCommand(parts),
  ...holdCommands(parts),
  emptiedCommand(parts),
  disputeCommand(parts),
  statusCommand(parts),
  ...outboxCommands(parts),
];

const triggerCommand = ({ hardware, runner }: CommandParts): Command<z.infer<typeof nothing>> => ({
  name: 'trigger',
  description: 'detects an item now, if trigger.driver is command',
  schema: nothing,
  actuates: true,
  run: async () => {
    if (runner.phase === 'new') return failed('control-failed', 'trigger: the bin is starting. Try again.');
    const trigger = hardware.command.fire();
    if (!trigger)
      return failed(
        'control-unfit',
        'trigger: this bin has no command trigger. Configure `trigger: { driver: command }`.',
      );
    const admission = await runner.admissionOf(trigger.id);
    if (!admission.ok) return failed('control-failed', admission.fault.message);
    return done(admission.value === 'taken' ? 'taken' : `ignored: ${admission.value}`);
  },
});

const holdCommands = ({ hold }: CommandParts): Command<z.infer<typeof nothing>>[] => [
  {
    name: 'hold',
    description: 'finishes the current item, locks the gate, and ignores later triggers',
    schema: nothing,
    actuates: false,
    run: async () => done((await hold.hold()) ? 'held' : 'held already'),
  },
  {
    name: 'resume',
    description: 'ends a hold: the gate moves home, and the bin sorts again',
    schema: nothing,
    actuates: true,
    run: async () => done((await hold.resume()) ? 'resumed' : 'not held'),
  },
];

const emptiedCommand = ({
  hardware,
  runner,
  model,
}: CommandParts): Command<z.infer<typeof oneCompartment>> => ({
  name: 'emptied',
  description: 'reports that a compartment was emptied',
  schema: oneCompartment,
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

const disputeCommand = ({ runner, lastDecided }: CommandParts): Command<z.infer<typeof maybeItem>> => ({
  name: 'dispute',
  description: 'reports that an item, by default the last one, went to the wrong compartment',
  schema: maybeItem,
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

/** Returns the state of a bin and of its connections. Never rejects. */
export const readStatus = async ({
  status,
  liveness,
  journal,
  publisher,
  brokerUrl,
  machine,
  updates,
  clock,
}: StatusParts): Promise<StatusAnswer> => {
  const counters = await countersSoon(journal, clock);
  const state = status.snapshot();
  return {
    state,
    liveness: liveness.healthy(),
    broker: { url: brokerUrl, connected: publisher.status().connected },
    waiting: counters && counters.pending - counters.undeliverable,
    update: updates(),
    mode: modeOf(state),
    faults: Object.entries(faultsByCode(state.faults)).map(([code, fault]) => raisedMessage(code, fault)),
    machine: machine(),
  };
};

const statusCommand = (parts: StatusParts): Command<z.infer<typeof nothing>, StatusAnswer> => ({
  name: 'status',
  description: 'returns the state of the bin',
  schema: nothing,
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
