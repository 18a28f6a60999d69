import type { ServedModel } from '../../cycle/observer.js';
import { OUTCOMES } from '../../cycle/state.js';
import type { MachineReadings } from '../../hardware/machine/machine.js';
import { packageVersion } from '../../kit/root.js';
import type { LivenessState } from '../../status/liveness.js';
import type { BinState } from '../../status/status.js';
import type { UpdateStatus } from '../../update/status.js';

/** Everything that the metrics are made of. */
export interface BinReadings {
  readonly state: BinState;
  readonly liveness: LivenessState;
  readonly broker: { readonly connected: boolean };
  /** Events that wait for the broker; null: not known. */
  readonly waiting: number | null;
  /** null: not read yet. */
  readonly machine: MachineReadings | null;
  /** null: updates are not configured. */
  readonly update: Pick<UpdateStatus, 'current' | 'phase' | 'checkedAtMs'> | null;
  readonly served: ServedModel | null;
  readonly process: {
    readonly bin: { readonly id: string; readonly name: string };
    readonly uptimeS: number;
    readonly memory: Pick<NodeJS.MemoryUsage, 'rss' | 'heapUsed'>;
  };
}

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

export interface Metric {
  readonly type: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Returns the present values. None: this bin has no such value, or it is not known. */
  readonly samples: (readings: BinReadings) => readonly Sample[];
}

const gauge = (name: string, help: string, samples: Metric['samples'], labels: string[] = []): Metric => ({
  ...{ type: 'gauge', name: `sortbin_${name}`, help, labels, samples },
});

const counter = (name: string, help: string, samples: Metric['samples'], labels: string[] = []): Metric => ({
  ...{ type: 'counter', name: `sortbin_${name}_total`, help, labels, samples },
});

const known = (value: number | boolean | null | undefined): Sample[] =>
  value === null || value === undefined ? [] : [[Number(value)]];

const counts = (record: Readonly<Record<string, number>>, label: string): Sample[] =>
  Object.entries(record).map(([name, value]) => [value, { [label]: name }]);

const secondsOf = (time: string | undefined): Sample[] =>
  time === undefined ? [] : [[Date.parse(time) / 1_000]];

const BIN: readonly Metric[] = [
  gauge(
    'info',
    'The bin and its versions; always 1.',
    ({ process: { bin } }) => [
      [1, { bin: bin.id, name: bin.name, version: packageVersion(), node: process.versions.node }],
    ],
    ['bin', 'name', 'version', 'node'],
  ),
  gauge('uptime_seconds', 'Time since the start of the program.', ({ process }) => [[process.uptimeS]]),
  gauge('resident_memory_bytes', 'Resident memory of the daemon, without its child processes.', (now) => [
    [now.process.memory.rss],
  ]),
  gauge('heap_used_bytes', 'Used heap of the daemon.', ({ process }) => [[process.memory.heapUsed]]),
  gauge('healthy', '1 if all parts make progress, else 0.', ({ liveness }) => [[Number(liveness.ok)]]),
  gauge(
    'part_stalled',
    '1 for each part that makes no progress.',
    ({ liveness }) => (liveness.ok ? [] : liveness.stalled.map(({ part }) => [1, { part }])),
    ['part'],
  ),
  gauge(
    'cycle_state',
    '1 for the present state of the cycle.',
    ({ state }) => [[1, { state: state.cycle }]],
    ['state'],
  ),
  gauge('gate_locked', '1 while the service switch or a hold locks the gate.', ({ state }) => [
    [Number(state.locked)],
  ]),
  gauge(
    'fault_active',
    '1 for each fault in force.',
    ({ state }) => state.faults.map(({ part, code }) => [1, { part, code }]),
    ['part', 'code'],
  ),
];

/** A counter that begins with its first item would hide that item from `increase` in Prometheus. */
const NO_ITEMS = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));

const ITEMS: readonly Metric[] = [
  counter(
    'items',
    'Items by outcome, since the journal exists.',
    ({ state }) => counts({ ...NO_ITEMS, ...state.counters.outcomes }, 'outcome'),
    ['outcome'],
  ),
  counter(
    'items_by_label',
    'Decided items by label, since the journal exists.',
    ({ state }) => counts(state.counters.labels, 'label'),
    ['label'],
  ),
  counter(
    'items_by_reason',
    'Decided items by reason of the decision, since the journal exists.',
    ({ state }) => counts(state.counters.reasons, 'reason'),
    ['reason'],
  ),
  gauge('last_item_timestamp_seconds', 'Time of the last item since the start, Unix time.', ({ state }) =>
    secondsOf(state.lastItem?.at),
  ),
  gauge(
    'compartment_items',
    'Items sorted into the compartment since it was reported as emptied.',
    ({ state }) => counts(state.counters.compartments, 'compartment'),
    ['compartment'],
  ),
  gauge(
    'compartment_fill_ratio',
    'Fill level of the compartment, 0 to 1.',
    ({ state }) =>
      state.fill.flatMap(({ compartment, percent }): Sample[] =>
        percent === null ? [] : [[percent / 100, { compartment }]],
      ),
    ['compartment'],
  ),
  gauge(
    'compartment_full',
    '1 if the compartment is full, else 0.',
    ({ state }) => state.fill.map(({ compartment, full }) => [Number(full), { compartment }]),
    ['compartment'],
  ),
];

const EVENTS: readonly Metric[] = [
  gauge('broker_connected', '1 while the broker is connected, else 0.', ({ broker }) =>
    known(broker.connected),
  ),
  gauge('outbox_events', 'Events that wait for the broker.', ({ waiting }) => known(waiting)),
  gauge('outbox_undeliverable_events', 'Events that the broker has refused for good.', ({ state }) =>
    known(state.counters.undeliverable),
  ),
  counter('events_dropped', 'Events that left the outbox unsent, since the journal exists.', ({ state }) =>
    known(state.counters.dropped),
  ),
  counter('events_unrecorded', 'Events that could not be recorded, since the journal exists.', ({ state }) =>
    known(state.counters.unrecorded),
  ),
];

const MODEL: readonly Metric[] = [
  gauge(
    'model_info',
    'The model that serves now; always 1.',
    ({ served }) =>
      served ? [[1, { name: served.info.model.name, version: served.info.model.version }]] : [],
    ['name', 'version'],
  ),
  gauge(
    'runtime_info',
    'The active runtime; always 1.',
    ({ served }) =>
      served ? [[1, { name: served.info.runtime.name, backend: served.info.runtime.backend }]] : [],
    ['name', 'backend'],
  ),
  gauge('runtimes_skipped', 'Faster runtimes that cannot be used.', ({ served }) =>
    known(served?.info.skipped.length),
  ),
];

const UPDATE: readonly Metric[] = [
  gauge(
    'update_bundle_info',
    'The bundle that updates have activated; always 1.',
    ({ update }) => (update ? [[1, { name: update.current.name, version: update.current.version }]] : []),
    ['name', 'version'],
  ),
  gauge(
    'update_phase',
    '1 for the present phase of updates.',
    ({ update }) => (update ? [[1, { phase: update.phase }]] : []),
    ['phase'],
  ),
  gauge(
    'update_last_check_timestamp_seconds',
    'Last successful check of the repository since the start, Unix time.',
    ({ update }) => known(update?.checkedAtMs && update.checkedAtMs / 1_000),
  ),
];

const MACHINE: readonly Metric[] = [
  gauge('machine_temperature_celsius', 'Temperature of the processor.', ({ machine }) =>
    known(machine?.temperatureC),
  ),
  gauge('machine_under_voltage', '1 while the supply voltage of a Raspberry Pi is too low.', ({ machine }) =>
    known(machine?.isUnderVoltage),
  ),
  gauge('machine_throttled', '1 while the firmware of a Raspberry Pi slows the processor.', ({ machine }) =>
    known(machine?.isThrottled),
  ),
  gauge('machine_memory_available_bytes', 'Memory that is available without swapping.', ({ machine }) =>
    known(machine?.memory?.freeBytes),
  ),
  gauge('machine_memory_size_bytes', 'Memory of the machine.', ({ machine }) =>
    known(machine?.memory?.totalBytes),
  ),
  gauge('machine_disk_free_bytes', 'Free space of the disk of dataDir.', ({ machine }) =>
    known(machine?.disk?.freeBytes),
  ),
  gauge('machine_disk_size_bytes', 'Size of the disk of dataDir.', ({ machine }) =>
    known(machine?.disk?.totalBytes),
  ),
];

export const METRICS: readonly Metric[] = [...BIN, ...ITEMS, ...EVENTS, ...MODEL, ...UPDATE, ...MACHINE];
