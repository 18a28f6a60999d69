import { setTimeout as wait } from 'node:timers/promises';
import type { BinEvent } from '../../../device/cycle/event.js';
import { editJson, quickBundle } from '../../support/bundle-copy.js';
import type { LogLine } from '../../support/sortbin.js';
import { UpdateBin } from '../../support/update/bin/update-bin.js';
import { hostileLibrary } from '../../support/update/hostile-bundles.js';
import { type Findings, type Proof, withCleanup } from './proof.js';
import { NAN, REJECTED, RETURNED, type WrongBundle } from './wrong-bundle-cases.js';

const RETURN_MS = 180_000;

/** Installs wrong bundles, which their owner has signed, on running bins with the real model. */
export const wrongBundles: Proof = (_, findings) =>
  withCleanup(async (context) => {
    const { library } = await hostileLibrary(context);
    const tflite = { binding: 'tensorflowlite', library };
    const hostile = {
      vision: { driver: 'child', runtime: 'tflite', tflite, startMs: 60_000 },
      cycle: { classifyMs: 10_000 },
      model: { bundle: await quickBundle(context) },
      trigger: { driver: 'interval', everyMs: 400 },
    };
    await onBin(hostile, [...REJECTED, ...RETURNED], findings);
    // TensorFlow.js needs a second for an item, and much more on a busy machine.
    const slow = {
      vision: { driver: 'child', runtime: 'tfjs-wasm', startMs: 120_000 },
      cycle: { classifyMs: 30_000 },
      trigger: { driver: 'interval', everyMs: 2_000 },
    };
    await onBin(slow, NAN, findings);
  });

const onBin = (config: object, wrong: readonly WrongBundle[], findings: Findings): Promise<void> =>
  UpdateBin.use(config, (bin) =>
    withCleanup(async (context) => {
      await bin.start({}, ['prlimit', '--data=1500000000']);
      await bin.sortsOn();
      for (const [index, one] of wrong.entries()) {
        const version = `9.0.${index + 1}`;
        const folder = await one.make(context);
        await editJson<{ version: string }>(`${folder}/manifest.json`, (manifest) => {
          manifest.version = version;
        });
        await bin.repository.add(folder);
        await new Trial(bin, one, version, findings).run();
      }
      await bin.stop();
      for (const gap of gapsIn(bin)) findings.problem(gap);
    }),
  );

/** Each item has a row in the journal, whose numbers have no gap. */
const gapsIn = (bin: UpdateBin): string[] => {
  const seqs = new Set(bin.program.lines.flatMap(({ item }) => (item ? [(item as BinEvent).seq] : [])));
  const missing = Math.max(...seqs) - seqs.size;
  return missing === 0 ? [] : [`${missing} of ${Math.max(...seqs)} events are missing in the log`];
};

/** One bundle on a running bin. */
class Trial {
  constructor(
    private readonly bin: UpdateBin,
    private readonly wrong: WrongBundle,
    private readonly version: string,
    private readonly findings: Findings,
  ) {}

  async run(): Promise<void> {
    const { bin, wrong, version } = this;
    const [before, lines] = [bin.items.length, bin.program.lines.length];
    const startMs = performance.now();
    const { current } = await bin.install(version);
    const checkedMs = performance.now() - startMs;
    if (wrong.maxFailed === undefined) {
      if (current.version === version) this.#problem('it became active');
    } else {
      if (current.version !== version) this.#problem('it did not pass its checks');
      await this.#untilReturned();
    }
    const endMs = performance.now() - startMs;
    const during = bin.items.slice(before);
    await bin.sortsOn();
    await this.#check(during.length);
    const failed = this.#failedIn(lines);
    if (failed.before > (wrong.maxFailed ?? 0))
      this.#problem(`${failed.before} items failed before the return`);
    if (wrong.maxFailed === undefined && failed.after > 0) this.#problem(`${failed.after} items failed`);
    const way =
      wrong.maxFailed === undefined
        ? `rejected after ${seconds(endMs)}`
        : `active after ${seconds(checkedMs)}, taken back without a network after ${seconds(endMs)}: ` +
          `${failed.before} items failed, and ${failed.after} more until the other model ran`;
    const sorted = during.filter(({ outcome }) => outcome === 'sorted');
    this.findings.note(`${wrong.name}: ${way}. ${sorted.length} items sorted meanwhile`);
  }

  /** The number of failed items since a line of the log: before the bundle was left, and after that. */
  #failedIn(from: number): { before: number; after: number } {
    const lines = this.bin.program.lines.slice(from);
    const isFailure = ({ msg }: LogLine) => msg === 'item failed';
    const left = lines.findIndex(({ msg }) => msg === 'update: returned');
    const [before, after] = left < 0 ? [[], lines] : [lines.slice(0, left), lines.slice(left)];
    return { before: before.filter(isFailure).length, after: after.filter(isFailure).length };
  }

  #problem(text: string): void {
    this.findings.problem(`${this.wrong.name}: ${text}`);
  }

  /** The network is lost when the bundle is active. */
  async #untilReturned(): Promise<void> {
    const { bin, version } = this;
    bin.repository.server.answer('', (_, response) => response.destroy());
    const endMs = performance.now() + RETURN_MS;
    while ((await bin.status()).current.version === version && performance.now() < endMs) await wait(100);
    bin.repository.server.reset();
  }

  async #check(itemsMeanwhile: number): Promise<void> {
    const { bin, wrong, version } = this;
    const { rejected, current, isFactory } = await bin.status();
    if (!isFactory) this.#problem(`${current.version} is active`);
    const found = rejected.find((one) => one.version === version);
    const reason = `${found?.code} ${found?.reason}`;
    if (!wrong.reason.test(reason)) this.#problem(`another reason: ${reason}`);
    if (itemsMeanwhile === 0) this.#problem('no item was sorted meanwhile');
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
