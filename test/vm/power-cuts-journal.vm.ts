import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SqliteJournal } from '../../device/journal/sqlite-journal.js';
import { Store } from '../../device/journal/store.js';
import { SystemClock } from '../../device/kit/clock.js';
import { journalOptions } from '../support/journal/journal-folder.js';
import { MODES, recordWrites } from './guest/power-cuts.js';

/** Maximum number of cuts, and the seed that chooses them. */
const CUTS = Number(process.env.CUTS ?? 60);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

const TIMEOUT_MS = 3_600_000;
const RUNS = 2;
const EVENTS = 6;
const FRAME = Buffer.alloc(20_000, 'frame');
const OPEN = 'hold';

describe(`a journal whose power is cut (CUTS=${CUTS} SEED=${SEED})`, { timeout: TIMEOUT_MS }, () => {
  for (const mode of MODES)
    it(`has each row, number, frame and command that it reported (mount ${mode})`, async (t) => {
      const recording = await recordWrites(t, mode, async ({ folder, mark }) => {
        for (let run = 0; run < RUNS; run += 1) {
          const journal = new SqliteJournal({
            ...journalOptions(join(folder, 'data')),
            clock: new SystemClock(),
          });
          await journal.open();
          for (let event = 0; event < EVENTS; event += 1) {
            const id = `${run}-${event}`;
            await journal.begin(id, { id });
            await mark(`begun=${id}`);
            await journal.keepFrame(id, FRAME);
            const { seq } = await journal.finish(id, { id, frame: { id } });
            await mark(`finished=${seq}`);
          }
          await journal.beginCommand(`${run}`, OPEN, {});
          await mark(`command=${run}`);
          await journal.close();
        }
      });
      const report = await recording.forEachCut({ count: CUTS, seed: SEED }, async ({ folder, marks }) => {
        const reported = (kind: string) =>
          marks.filter((mark) => mark.startsWith(`${kind}=`)).map((mark) => mark.slice(kind.length + 1));
        const store = Store.open(journalOptions(join(folder, 'data')), 'integrity_check');
        try {
          assert.equal(store.setAside, null);
          const events = store.pending(null, 1_000);
          const known = [...events, ...store.unfinished()].map(({ id }) => id);
          for (const id of reported('begun')) assert.ok(known.includes(id), `${id} is lost`);
          assert.deepEqual(
            events.map(({ seq }) => seq),
            events.map((_, index) => index + 1),
          );
          const finished = reported('finished').length;
          assert.ok(events.length >= finished, `${events.length} of ${finished} events`);
          assert.ok(store.counters().frames >= finished);
          for (const run of reported('command'))
            assert.deepEqual(store.beginCommand(run, OPEN, {}), { state: 'unknown' });
          assert.equal(store.finish('next', {}).seq, events.length + 1);
        } finally {
          store.close();
        }
      });
      t.diagnostic(report);
    });
});
