import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { makeBin } from '../support/bin.js';
import { collectWarnings } from '../support/warnings.js';

const ITEMS = 30;

/** Runs items without a frame, one each 200 ms, while each write of the journal has the same result. */
const runItems = async (test: TestContext, write: 'fail' | 'hang') => {
  const warnings = collectWarnings(test);
  const clock = new SimulatedClock();
  const journal = new SimulatedJournal({ script: Array.from({ length: 10_000 }, () => write) });
  const limits = { recordMs: 60_000 };
  const bin = makeBin({ clock, journal, limits, pictures: [{ fault: 'camera-failed' }] });
  await bin.parts.vision.start(new AbortController().signal);
  await bin.runner.start();
  await clock.advance(10);
  for (let item = 0; item < ITEMS; item++) {
    bin.trigger.fire();
    await clock.advance(200);
  }
  assert.equal(bin.journalled.length, 0);
  const stopped = bin.runner.stop().catch(() => {});
  await clock.advance(60_000);
  await stopped;
  assert.equal(clock.waiting, 0);
  return warnings;
};

describe('rows that wait for a journal', () => {
  it('cause no warning of a leak while many of them are tried again', async (test) => {
    assert.deepEqual(await runItems(test, 'fail'), []);
  });

  it('cause no warning of a leak while many of them hang', async (test) => {
    assert.deepEqual(await runItems(test, 'hang'), []);
  });
});
