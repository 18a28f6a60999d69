import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { JournalReader } from '../../device/journal/journal-reader.js';
import { Store } from '../../device/journal/store.js';
import { SystemClock } from '../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { sendCommand } from '../../device/network/commands/send-command.js';
import { DeliveryRecord } from '../support/brokers/consumer.js';
import { journalOptions } from '../support/journal/journal-folder.js';
import { Sortbin } from '../support/sortbin.js';

/** What a scenario has found. */
export interface Verdict {
  readonly journalled: number;
  /** Journalled events that did not arrive. */
  readonly missing: readonly number[];
  readonly inversions: number;
  readonly repeatedByBin: number;
  readonly repeatedByBroker: number;
  /** What must not happen. Empty: the scenario has passed. */
  readonly problems: string[];
  /** Further figures. */
  readonly notes: string[];
}

export interface Expectation {
  /** Events that the broker refuses for good. They must be set aside as undeliverable, and must not arrive. */
  readonly refused?: readonly number[];
  /** Events that the broker has acknowledged and lost: no fault of the bin. */
  readonly lostByBroker?: ReadonlySet<number>;
  /** Returns how many events may arrive out of order. By default none. */
  readonly maxInversions?: () => number;
}

/** Without a new event for this time, no more will arrive. It is longer than each deadline of the configuration. */
const QUIET_MS = 20_000;
const PROGRESS_TIMEOUT_MS = 60_000;
const MANY = 1_000_000;
const WARN = 40;
const SHOWN_WARNINGS = 10;

/** A bin in a folder, with a journal, and the record of what a consumer received. */
export class Trial {
  record = new DeliveryRecord();
  readonly problems: string[] = [];
  readonly notes: string[] = [];
  #bin: Sortbin | null = null;
  /** Of the last bin. */
  #warnings: string[] = [];

  constructor(readonly folder: string) {}

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  /** Starts the bin. `items`: the number of items in the run, 20 ms apart or more, or `command` for `trigger`. */
  startBin(mqtt: object, items: number | 'command' = 0): Sortbin {
    const script = Array.from({ length: Number(items) || 0 }, () => ({ afterMs: 20 }));
    const config = {
      mqtt: { pubackMs: 2_000, backoff: { minMs: 50, maxMs: 200 }, ...mqtt },
      trigger: items === 'command' ? { driver: 'command' } : { script, repeat: false },
      vision: { driver: 'simulated', script: [{ label: 'paper' }] },
      gate: { moveMs: 0 },
      camera: { delayMs: 0 },
      journal: { maxEvents: MANY, maxOutbox: MANY },
      log: { format: 'json', level: 'debug' },
    };
    // YAML contains JSON.
    writeFileSync(join(this.folder, 'sortbin.yaml'), JSON.stringify(config), { mode: 0o600 });
    this.#bin = new Sortbin(['run'], this.folder);
    return this.#bin;
  }

  /** Sends triggers to a bin that accepts commands. Each one becomes an event, or is counted in one. */
  async trigger(count: number): Promise<void> {
    const socket = join(this.dataDir, CONTROL_SOCKET);
    for (let item = 0; item < count; item++) {
      await sendCommand(socket, { command: 'trigger' }, new SystemClock());
      await wait(30);
    }
  }

  /** Waits until `count` events have arrived, or none arrives for a long time. Returns whether they have arrived. */
  async untilArrived(count: number): Promise<boolean> {
    let last = -1;
    let lastMs = performance.now();
    for (;;) {
      const arrived = this.record.seqs.length;
      if (arrived >= count) return true;
      if (arrived !== last) lastMs = performance.now();
      last = arrived;
      if (performance.now() - lastMs > PROGRESS_TIMEOUT_MS) {
        this.problems.push(
          `no event arrived for ${PROGRESS_TIMEOUT_MS / 1_000} s after ${arrived} of ${count}`,
        );
        return false;
      }
      await wait(5);
    }
  }

  /** Waits until the bin has sent all events of its journal, and stops it. Compares the journal with the record. */
  async finish(expected: Expectation = {}): Promise<Verdict> {
    const { refused = [], lostByBroker = new Set(), maxInversions = () => 0 } = expected;
    await this.#untilDelivered(refused.length);
    await this.#stopBin();
    const journalled = this.#journalled();
    const missing = journalled.filter((seq) => !this.record.has(seq));
    const { inversions, repeatedByBin, repeatedByBroker, seqs } = this.record;
    const problems = [...this.problems];
    const lost = missing.filter((seq) => !refused.includes(seq) && !lostByBroker.has(seq));
    const { pending, setAside } = this.#outbox();
    const gone = lost.filter((seq) => !pending.has(seq) && !setAside.has(seq));
    if (gone.length > 0) problems.push(`${gone.length} events lost: ${listed(gone)}`);
    const stuck = lost.filter((seq) => pending.has(seq));
    if (stuck.length > 0) problems.push(`${stuck.length} events still in the outbox: ${listed(stuck)}`);
    const wronglyAside = lost.filter((seq) => setAside.has(seq));
    if (wronglyAside.length > 0)
      problems.push(`${wronglyAside.length} events set aside: ${listed(wronglyAside)}`);
    const notAside = refused.filter((seq) => !setAside.has(seq));
    if (notAside.length > 0) problems.push(`refused events not set aside: ${listed(notAside)}`);
    const holes = journalled.filter((seq, index) => seq !== index + 1);
    if (holes.length > 0) problems.push(`the journal has holes before ${listed(holes)}`);
    const unknown = seqs.length - (journalled.length - missing.length);
    if (unknown > 0) problems.push(`${unknown} events arrived that are not in the journal`);
    const unexpected = refused.filter((seq) => this.record.has(seq));
    if (unexpected.length > 0) problems.push(`refused events arrived: ${listed(unexpected)}`);
    if (inversions > maxInversions()) problems.push(`${inversions} events out of order`);
    if (problems.length > 0) this.notes.push(...this.#warnings.slice(-SHOWN_WARNINGS));
    return {
      journalled: journalled.length,
      missing,
      inversions,
      repeatedByBin,
      repeatedByBroker,
      problems,
      notes: this.notes,
    };
  }

  async #untilDelivered(refused: number): Promise<void> {
    let last = '';
    let lastMs = performance.now();
    while (performance.now() - lastMs < QUIET_MS) {
      const journalled = this.#journalled().length;
      const now = `${journalled} ${this.record.seqs.length}`;
      if (now !== last) lastMs = performance.now();
      last = now;
      // Repetitions, and an event that should not arrive, may still be on their way.
      if (this.record.seqs.length >= journalled - refused && performance.now() - lastMs > 1_000) return;
      await wait(100);
    }
  }

  async #stopBin(): Promise<void> {
    const bin = this.#bin;
    this.#bin = null;
    if (!bin) return;
    bin.kill('SIGTERM');
    const code = await bin.ended();
    this.#warnings = bin.lines.filter(({ level }) => level >= WARN).map(({ msg }) => `log: ${msg}`);
    if (code !== 0) this.problems.push(`the bin ended with ${code}: ${bin.stderr.slice(-500)}`);
  }

  #journalled(): number[] {
    const reader = JournalReader.open(this.dataDir);
    try {
      return reader.after(0, MANY, {}).map(({ seq }) => seq);
    } finally {
      reader.close();
    }
  }

  #outbox(): { readonly pending: Set<number>; readonly setAside: Set<number> } {
    const limits = { maxEvents: MANY, maxOutbox: MANY, maxFrames: MANY, maxFrameBytes: MANY * 1_000 };
    const store = Store.open(journalOptions(this.dataDir, limits));
    try {
      return {
        pending: new Set(store.pending(null, MANY).map(({ seq }) => seq)),
        setAside: new Set(store.undeliverable().map(({ seq }) => seq)),
      };
    } finally {
      store.close();
    }
  }
}

const listed = (seqs: readonly number[]): string =>
  seqs.slice(0, 5).join(', ') + (seqs.length > 5 ? ', and more' : '');
