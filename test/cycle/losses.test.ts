import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { JournalError } from '../../device/journal/journal.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { makeBin } from '../support/bin.js';

const logTo = (lines: { msg: string; unrecorded?: number }[]) =>
  pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });

/** Fires triggers, one each 500 ms. */
const fire = async (bin: ReturnType<typeof makeBin>, clock: SimulatedClock, count: number) => {
  for (let item = 0; item < count; item++) {
    bin.trigger.fire();
    await clock.advance(500);
  }
};

const start = async (journal: SimulatedJournal) => {
  const clock = new SimulatedClock();
  const lines: { msg: string; unrecorded?: number }[] = [];
  const counts: number[] = [];
  const bin = makeBin({ clock, journal, log: logTo(lines), read: async () => new Uint8Array(4) });
  bin.watch({ unrecorded: (count) => counts.push(count) });
  await bin.parts.vision.start(new AbortController().signal);
  await bin.runner.start();
  await clock.advance(10);
  return { bin, clock, lines, counts };
};

const unrecordedLines = (lines: readonly { msg: string }[]) =>
  lines.map(({ msg }) => msg).filter((msg) => /^journal: \d+ events/.test(msg));

describe('events that a journal cannot record', () => {
  it('are counted, stored and reported in one line when the bin stops', async () => {
    const journal = new SimulatedJournal({ script: Array.from({ length: 10_000 }, () => 'fail') });
    const { bin, clock, lines, counts } = await start(journal);
    await fire(bin, clock, 20);
    assert.deepEqual(counts, [], 'they are still tried again');
    const stopped = bin.runner.stop();
    await clock.advance(1_000);
    await stopped;
    assert.deepEqual(
      counts,
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    assert.equal((await journal.counters()).unrecorded, 20);
    assert.deepEqual(unrecordedLines(lines), ['journal: 20 events could not be recorded']);
    assert.equal(lines.filter(({ msg }) => msg === 'an event could not be recorded').length, 20);
  });

  it('are not lost if the journal works again before the stop', async () => {
    const journal = new SimulatedJournal({ script: Array.from({ length: 10 }, () => 'fail') });
    const { bin, clock, lines, counts } = await start(journal);
    await fire(bin, clock, 5);
    await clock.advance(60_000);
    await bin.runner.stop();
    assert.equal(journal.events().length, 5);
    assert.deepEqual([counts, unrecordedLines(lines)], [[], []]);
  });
});

describe('frames that a journal cannot keep', () => {
  it('are reported when their number has doubled, and the events are recorded', async () => {
    let isFull = true;
    class FullJournal extends SimulatedJournal {
      override async keepFrame(): Promise<void> {
        if (isFull) throw new JournalError('journal-failed', 'keepFrame failed: ENOSPC');
      }
    }
    const journal = new FullJournal();
    const { bin, clock, lines } = await start(journal);
    await fire(bin, clock, 3);
    isFull = false;
    await fire(bin, clock, 2);
    assert.equal(journal.events().length, 5);
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      [
        'journal: frames are not kept, 1 so far: keepFrame failed: ENOSPC',
        'journal: frames are not kept, 2 so far: keepFrame failed: ENOSPC',
      ],
    );
    await bin.runner.stop();
  });
});
