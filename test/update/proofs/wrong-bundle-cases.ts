import { hostileBundle, swappedBundle, tfjsBundle } from '../../support/update/hostile-bundles.js';
import type { withCleanup } from './proof.js';

type Context = Parameters<Parameters<typeof withCleanup>[0]>[0];

export interface WrongBundle {
  readonly name: string;
  readonly make: (context: Context) => Promise<string>;
  /** The code and the reason of its rejection. */
  readonly reason: RegExp;
  /** It passes all checks, and is taken back after at most so many failed items. Absent: it must not become active. */
  readonly maxFailed?: number;
}

/** Inferences of a process before its first item: those of the golden sample. */
const GOLDEN = 4;
const VIEWS = 2;
const IN_ROW = /^update-runtime-faults .*: 3 items in a row failed in the runtime/;
const IN_ALL = /^update-runtime-faults .*: 5 items failed in the runtime/;

export const REJECTED: readonly WrongBundle[] = [
  { name: 'two labels swapped', make: swappedBundle, reason: /^check-golden .*logit 0 is battery/ },
  {
    name: 'ends its process when it is loaded',
    make: (context) => hostileBundle(context, 'unloadable'),
    reason: /^check-golden .*ended by SIGKILL/,
  },
  {
    name: 'ends its process at an inference',
    make: (context) => hostileBundle(context, 'kills'),
    reason: /^check-golden .*ended by SIGKILL/,
  },
  {
    name: 'fails at an inference',
    make: (context) => hostileBundle(context, 'fails'),
    reason: /^check-golden /,
  },
  {
    name: 'takes 4 GB of memory',
    make: (context) => hostileBundle(context, 'fills'),
    reason: /^check-golden .*needed \d+ MB of memory, but at most \d+ MB/,
  },
  {
    name: 'needs 30 s for an inference',
    make: (context) => hostileBundle(context, 'slower'),
    reason: /^check-slow .*not ready within 60000 ms/,
  },
  {
    name: 'does not end an inference',
    make: (context) => hostileBundle(context, 'hangs'),
    reason: /^check-slow .*not ready within 60000 ms/,
  },
];

/** Right in the golden samples, and wrong in items. */
export const RETURNED: readonly WrongBundle[] = [
  {
    name: 'ends its process at each item',
    make: (context) => hostileBundle(context, 'kills', GOLDEN),
    reason: IN_ROW,
    maxFailed: 3,
  },
  {
    name: 'ends its process at each third item',
    make: (context) => hostileBundle(context, 'kills', GOLDEN + 2 * VIEWS),
    reason: IN_ALL,
    maxFailed: 5,
  },
  {
    name: 'fails at items',
    make: (context) => hostileBundle(context, 'fails', GOLDEN),
    reason: IN_ROW,
    maxFailed: 3,
  },
  {
    name: 'fails after 9 items',
    make: (context) => hostileBundle(context, 'fails', GOLDEN + 9 * VIEWS),
    reason: IN_ALL,
    maxFailed: 5,
  },
  {
    name: 'needs 30 s for an inference of an item',
    make: (context) => hostileBundle(context, 'slower', GOLDEN),
    reason: IN_ROW,
    maxFailed: 3,
  },
  {
    name: 'does not end an inference of an item',
    make: (context) => hostileBundle(context, 'hangs', GOLDEN),
    reason: IN_ROW,
    maxFailed: 3,
  },
  {
    name: 'takes 4 GB of memory at an item, where 1.5 GB are available',
    make: (context) => hostileBundle(context, 'fills', GOLDEN),
    reason: IN_ROW,
    maxFailed: 3,
  },
];

export const NAN: readonly WrongBundle[] = [
  {
    name: 'scores that are not numbers',
    make: (context) => tfjsBundle(context, false),
    reason: /^check-golden tfjs-wasm: .*NaN/,
  },
];
