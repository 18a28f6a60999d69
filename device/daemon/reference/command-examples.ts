import type { CommandName } from '../../kit/command.js';
import { TOPIC_EXAMPLES } from './examples.js';

/** A request with its answer. */
export interface CommandExample {
  /** The keys of the command. */
  readonly keys: object;
  readonly value: unknown;
}

const FACTORY = { name: 'waste12', version: '1.3.0' };
const NEWER = { name: 'waste12', version: '1.4.0' };

const entry = {
  ...FACTORY,
  isCurrent: true,
  isPrevious: false,
  isFactory: true,
  isInstalled: true,
  isPublished: false,
  hasOtherContent: false,
  isTrusted: true,
  bytes: null,
  installedAt: null,
  rejection: null,
  revoked: null,
  checked: null,
};
const published = {
  ...entry,
  ...NEWER,
  isCurrent: false,
  isFactory: false,
  isInstalled: false,
  isPublished: true,
  isTrusted: false,
  bytes: 3400000,
};
const last = {
  event: 'rejected',
  bundle: NEWER,
  code: 'check-bundle',
  reason: 'labels.txt differs from the manifest',
  at: '2026-11-24T10:00:03.000Z',
};
const rejection = {
  ...NEWER,
  manifestSha256: null,
  code: last.code,
  reason: last.reason,
  at: last.at,
};
const update = {
  phase: 'idle',
  current: FACTORY,
  isFactory: true,
  previous: null,
  candidate: null,
  progress: null,
  available: null,
  isPinned: false,
  last: null,
  checkedAtMs: 1795946400000,
};
const root = {
  version: 1,
  keyIds: ['84998a2ed758971f9b60a3ab6e126119eabdcc801c2744711425019e2eebb5f1'],
  threshold: 1,
  expiresAtMs: 4891363200000,
};

const { state, stats, 'fault/<code>': fault } = TOPIC_EXAMPLES as Readonly<Record<string, object>>;
const { mode, at, locked, lastItem, counters } = state as Readonly<Record<string, object>>;

const status = {
  mode,
  state: {
    ...{ schema: 1, at, cycle: 'idle', locked, held: false, lastItem },
    faults: [
      {
        part: 'camera',
        code: 'camera-missing',
        message: 'no camera fits',
        since: '2026-11-24T11:40:07.000Z',
      },
    ],
    fill: [{ percent: 40, full: false, compartment: 'paper' }],
    counters: {
      ...counters,
      labels: { cardboard: 800, 'white-glass': 221, battery: 3 },
      reasons: { confident: 1021, hazard: 3 },
    },
  },
  faults: [fault],
  machine: (stats as Readonly<Record<string, object>>).machine,
  liveness: { ok: true },
  broker: { url: 'mqtt://127.0.0.1:1883', connected: true },
  waiting: 0,
  update: { ...update, hasRepository: true, lastRejection: null },
};

/** An example of each command. The documentation shows them, and a test sends them to a bin in this order. */
export const COMMAND_EXAMPLES: Readonly<Record<CommandName, CommandExample>> = {
  trigger: { keys: {}, value: 'taken' },
  hold: { keys: {}, value: 'held' },
  resume: { keys: {}, value: 'resumed' },
  emptied: { keys: { compartment: 'paper' }, value: 'paper: emptied' },
  dispute: { keys: {}, value: '0193f0c2-7a31-7b5e-9c04-5d1f0a6b2c11: disputed' },
  status: { keys: {}, value: status },
  'outbox-retry': { keys: { events: 'all' }, value: 0 },
  'outbox-drop': { keys: { events: 'all' }, value: 0 },
  'model.status': { keys: {}, value: { ...update, rejected: [], fault: null, task: null } },
  'model.trust': { keys: { root: '{"signed":{"_type":"root"},"signatures":[]}' }, value: root },
  'model.root': { keys: {}, value: root },
  'model.check': { keys: {}, value: 'begun' },
  'model.list': {
    keys: {},
    value: {
      bundles: [{ ...published, rejection }, entry],
      unusable: [{ path: 'waste12/draft', reason: 'no manifest.json' }],
      fault: null,
      last,
    },
  },
  'model.show': {
    keys: { bundle: NEWER },
    value: { ...published, folder: null, files: [{ file: 'labels.txt', bytes: 96 }] },
  },
  'model.install': { keys: { bundle: NEWER }, value: 'begun' },
  'model.activate': { keys: { bundle: FACTORY }, value: 'begun' },
  'model.rollback': { keys: {}, value: 'begun' },
  'model.pin': {
    keys: {},
    value: 'pinned: waste12@1.3.0 stays active, unless it is revoked or fails',
  },
  'model.unpin': { keys: {}, value: 'not pinned' },
};
