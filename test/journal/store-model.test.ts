import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { JournalError, MAX_LABELS } from '../../device/journal/journal.js';
import { Store } from '../../device/journal/store.js';
import { journalOptions, temporaryFolder } from '../support/journal/journal-folder.js';

interface ModelRow {
  readonly id: string;
  body: object;
  labels: string[];
  run: number;
  seq: number | null;
  pending: boolean;
}

/** A model of the journal: a plain list of rows, searched from start to end. */
class Model {
  rows: ModelRow[] = [];
  run = 0;
  lastSeq = 0;
  dropped = 0;

  constructor(private readonly limits: { maxEvents: number; maxOutbox: number }) {}

  begin(id: string, body: object): 'done' | 'already-finished' {
    const row = this.rows.find((candidate) => candidate.id === id);
    if (row && row.seq !== null) return 'already-finished';
    if (row) row.body = body;
    else this.rows.push({ id, body, labels: [], run: this.run, seq: null, pending: false });
    return 'done';
  }

  finish(id: string, body: object): number | 'already-finished' {
    const finished = this.finished().find((row) => row.id === id);
    if (finished && isDeepStrictEqual(withoutSeq(finished.body), withoutSeq(body)))
      return Number(finished.seq);
    if (this.begin(id, body) !== 'done') return 'already-finished';
    this.lastSeq += 1;
    for (const row of this.rows) {
      if (row.id === id) Object.assign(row, { seq: this.lastSeq, pending: true });
    }
    this.trim();
    return this.lastSeq;
  }

  label(id: string, label: string): 'done' | 'unknown-event' {
    const row = this.finished().find((candidate) => candidate.id === id);
    if (!row) return 'unknown-event';
    row.labels = [...row.labels, label].slice(-MAX_LABELS);
    return 'done';
  }

  acknowledge(seqs: readonly number[]): void {
    for (const row of this.rows) if (row.seq !== null && seqs.includes(row.seq)) row.pending = false;
    this.trim();
  }

  finished(): ModelRow[] {
    return this.rows.filter(({ seq }) => seq !== null).sort((a, b) => Number(a.seq) - Number(b.seq));
  }

  private trim(): void {
    const pending = this.finished().filter((row) => row.pending);
    for (const row of pending.slice(0, Math.max(0, pending.length - this.limits.maxOutbox))) {
      row.pending = false;
      this.dropped += 1;
    }
    const excess = Math.max(0, this.finished().length - this.limits.maxEvents);
    const deleted = this.finished()
      .filter((row) => !row.pending)
      .slice(0, excess);
    this.rows = this.rows.filter((row) => !deleted.includes(row));
  }
}

const withoutSeq = (body: object): object => ({ ...body, seq: null });

const id = fc.integer({ min: 0, max: 9 }).map((number) => `row-${number}`);
const body = fc.dictionary(
  fc.constantFrom('outcome', 'seq', 'text'),
  fc.oneof({ weight: 2, arbitrary: fc.constantFrom('', 'sorted') }, fc.string(), fc.integer()),
);
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('begin' as const), id, body }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('finish' as const), id, body }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('acknowledge' as const),
      seqs: fc.array(fc.integer({ min: -1, max: 25 }), { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('label' as const), id, label: fc.string() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);
const limits = fc.record({
  maxEvents: fc.integer({ min: 0, max: 6 }),
  maxOutbox: fc.integer({ min: 0, max: 6 }),
});

const attempt = <T>(call: () => T): T | string => {
  try {
    return call();
  } catch (error) {
    assert.ok(error instanceof JournalError, String(error));
    return error.code;
  }
};

it('behaves like a plain list of rows, for any sequence of operations', (t) => {
  const folder = temporaryFolder(t);
  fc.assert(
    fc.property(limits, fc.array(operation, { maxLength: 40 }), (chosen, operations) => {
      const options = journalOptions(mkdtempSync(join(folder, 'run-')), chosen);
      const model = new Model(chosen);
      let store = Store.open(options);
      try {
        for (const step of operations) {
          if (step.do === 'begin') {
            assert.equal(
              attempt(() => store.begin(step.id, step.body)) ?? 'done',
              model.begin(step.id, step.body),
            );
          } else if (step.do === 'finish') {
            assert.equal(
              attempt(() => store.finish(step.id, step.body).seq),
              model.finish(step.id, step.body),
            );
          } else if (step.do === 'label') {
            const label = { label: step.label, source: 'test', at: '2026-01-01T00:00:00.000Z' };
            assert.equal(
              attempt(() => store.label(step.id, label)) ?? 'done',
              model.label(step.id, step.label),
            );
          } else if (step.do === 'acknowledge') {
            store.acknowledge(step.seqs.map((seq) => ({ epoch: store.epoch, seq })));
            model.acknowledge(step.seqs);
          } else {
            store.close();
            store = Store.open(options);
            model.run += 1;
          }
          assertSame(store, model);
        }
      } finally {
        store.close();
        rmSync(options.dataDir, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
});

const assertSame = (store: Store, model: Model) => {
  const finished = model.finished();
  const pending = finished.filter((row) => row.pending);
  const { events, pending: pendingCount, dropped } = store.counters();
  assert.deepEqual([events, pendingCount, dropped], [finished.length, pending.length, model.dropped]);
  assert.deepEqual(
    store.pending(null, 100).map(({ seq, id, json }) => ({ seq, id, body: withoutEpoch(json) })),
    pending.map(({ seq, id, body }) => ({ seq, id, body: { ...body, seq } })),
  );
  assert.deepEqual(
    store.unfinished(),
    model.rows
      .filter(({ seq, run }) => seq === null && run < model.run)
      .map(({ id, body }) => ({ id, body: { ...body } })),
  );
  for (const { id, labels } of finished) {
    assert.deepEqual(
      store.labels(id).map(({ label }) => label),
      labels,
    );
  }
};

const withoutEpoch = (json: string): object => {
  const { epoch, ...body } = JSON.parse(json) as { epoch: string };
  assert.ok(epoch);
  return body;
};
