import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { Store } from '../../device/journal/store.js';
import { journalOptions, temporaryFolder } from '../support/journal/journal-folder.js';

const WRITER = fileURLToPath(new URL('../support/journal/journal-writer.js', import.meta.url));
const ROUNDS = 10;

/** Runs the writer, kills it after `killAfterLines` lines, and returns all its lines. */
const linesUntilKilled = async (
  t: TestContext,
  dataDir: string,
  round: number,
  killAfterLines: number,
): Promise<string[]> => {
  const child: ChildProcess = spawn(process.execPath, [WRITER, dataDir, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  assert.ok(child.stdout);
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (lines.length === killAfterLines) child.kill('SIGKILL');
  }
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  return lines;
};

const rowsOf = (dataDir: string) => {
  const db = new DatabaseSync(join(dataDir, 'journal.db'));
  const integrity = db.prepare('pragma integrity_check').all() as { integrity_check: string }[];
  const rows = db.prepare('select id, seq, body from rows').all() as {
    id: string;
    seq: number;
    body: string;
  }[];
  db.close();
  return { integrity: integrity.map((line) => line.integrity_check), rows };
};

it('keeps every confirmed change on disk, at any moment of a kill', {
  timeout: 60_000,
}, async (t) => {
  const dataDir = temporaryFolder(t);
  const begun = new Set<string>();
  const finished = new Map<number, string>();
  const counted = new Map<string, number>();
  for (let round = 1; round <= ROUNDS; round += 1) {
    const killAfterLines = 1 + Math.floor(Math.random() * 60);
    const context = `round ${round}, killed after ${killAfterLines} lines`;
    const kept: string[] = [];
    for (const line of await linesUntilKilled(t, dataDir, round, killAfterLines)) {
      const [action, id = '', seq] = line.split(' ');
      if (action === 'begun') begun.add(id);
      if (action === 'kept') kept.push(id);
      if (action === 'counted') counted.set(id, Number(seq));
      if (action !== 'finished') continue;
      assert.ok(!finished.has(Number(seq)), `${context}: number ${seq} was assigned twice`);
      finished.set(Number(seq), id);
    }

    const { integrity, rows } = rowsOf(dataDir);
    assert.deepEqual(integrity, ['ok'], context);
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of begun) assert.ok(ids.has(id), `${context}: ${id} was begun but is missing`);
    const numbered = rows.filter(({ seq }) => seq !== null).sort((a, b) => a.seq - b.seq);
    assert.deepEqual(
      numbered.map(({ seq }) => seq),
      numbered.map((_, index) => index + 1),
      context,
    );
    for (const [seq, id] of finished) {
      const row = numbered[seq - 1];
      assert.equal(row?.id, id, `${context}: ${id} was finished as ${seq}`);
      assert.equal((JSON.parse(row.body) as { seq: number }).seq, seq);
    }

    for (const [id, count] of counted) {
      const body = rows.find((row) => row.id === id)?.body ?? '{}';
      assert.ok(
        (JSON.parse(body) as { count: number }).count >= count,
        `${context}: ${id} counted to ${count}`,
      );
    }

    const store = Store.open(journalOptions(dataDir, { maxFrames: 5 }));
    const counters = store.counters();
    assert.deepEqual([counters.events, counters.pending], [numbered.length, numbered.length], context);
    assert.equal(store.unfinished().length, rows.length - numbered.length, context);
    assert.ok(counters.frames >= Math.min(kept.length, 4) && counters.frames <= 5, context);
    store.close();
  }
});
