import { cpus } from 'node:os';
import { parseConfig } from '../../device/config/load.js';
import { makePolicy } from '../../device/cycle/policy.js';
import { SystemClock } from '../../device/kit/clock.js';
import { ModelSlot } from '../../device/perception/model/model.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import { table } from '../../device/tools/bench/render.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { makeBin, quiet } from '../support/bin.js';
import { quickBundle, relabelledBundle } from '../support/bundle-copy.js';
import { until } from '../support/until.js';
import { makeVisionOptions } from '../support/vision-options.js';

/**
 * `npm run bench:swap [-- SWAPS]`: sorts one item after the other while the model is swapped between two bundles with
 * different labels. Measures how long the items take: with one process, while the second one starts, and at the exchange.
 */
const SWAPS = Number(process.argv[2] ?? 20);
const PICTURES = ['paper/paper18.jpg', 'cardboard/cardboard391.jpg'].map((picture) => ({ picture }));

const removals: unknown[] = [];
const context = { after: (remove: unknown) => void removals.push(remove) };
const folders = [await quickBundle(context), await relabelledBundle(context)] as const;
const clock = new SystemClock();
const { signal } = new AbortController();
const { policy } = parseConfig('policy: { preset: twelve-way }', 'bench');
const slot = new ModelSlot({
  folder: folders[0],
  makePolicy: ({ manifest: { labels } }) =>
    makePolicy({ ...policy, fallback: labels[0] ?? null, refuse: [] }, labels, { confidence: 0, margin: 0 }),
  makeVision: ({ folder }) => new ForkedVision({ ...makeVisionOptions(folder), clock, log: quiet }),
  log: quiet,
});
await slot.start(signal);
const bin = makeBin({ clock, pictures: PICTURES, model: slot, moves: [{ moveMs: 0 }] });
await bin.runner.start();
await until('the bin is idle', () => bin.runner.phase === 'idle');

type State = 'one process' | 'second process starts' | 'at the exchange';
let state: State = 'one process';
const latencies = new Map<State, number[]>();
let fired = 0;
let isFeeding = true;
let lost = 0;
let mixed = 0;
bin.watch({
  phase: (phase) => {
    if (phase !== 'idle' || !isFeeding) return;
    fired += 1;
    setImmediate(() => bin.trigger.fire());
  },
  event: ({ outcome, model, decision, timingsMs }) => {
    if (outcome !== 'sorted') lost += 1;
    else if (decision?.label?.startsWith('b-') !== (model?.version === '2.0.0')) mixed += 1;
    latencies.set(state, [...(latencies.get(state) ?? []), timingsMs.total ?? Number.NaN]);
    if (state === 'at the exchange') state = 'one process';
  },
});
fired += 1;
bin.trigger.fire();
const items = (count: number) => {
  const from = bin.journalled.length;
  return until('more items', () => bin.journalled.length >= from + count, 60_000);
};
await items(50);
latencies.clear();
for (let swap = 1; swap <= SWAPS; swap++) {
  await items(20);
  state = 'second process starts';
  await slot.swap(folders[swap % 2] ?? '', signal);
  state = 'at the exchange';
}
await items(20);
isFeeding = false;
await until('the last item', () => bin.journalled.length === fired);
await bin.runner.stop();
await slot.stop();

const rows = [...latencies].map(([name, values]) => {
  const { p50, p95 } = percentiles(values);
  return [name, ...[p50, p95, Math.max(...values)].map((value) => value.toFixed(1)), `${values.length}`];
});
process.stdout.write(
  `${[
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}`,
    `${SWAPS} swaps, ${fired} items, ${lost} not sorted, ${mixed} decided by a mix`,
    table(['trigger to outcome', 'p50 ms', 'p95 ms', 'max ms', 'items'], rows),
  ].join('\n')}\n`,
);
for (const remove of removals) await (remove as () => Promise<void>)();
