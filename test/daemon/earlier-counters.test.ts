import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { earlierCounters } from '../../device/daemon/earlier-counters.js';

const TOTALS = { 'outcome/sorted': 3 };

const journal = (stored: object | null, saved: object[] = []) => ({
  loadState: async () => stored,
  saveState: async (_: string, state: object) => {
    saved.push(state);
  },
  totals: async () => TOTALS,
});

describe('the counters of earlier runs', () => {
  it('begin at the first start, whose time is stored', async () => {
    const saved: object[] = [];
    const clock = { wallMs: () => Date.UTC(2026, 0, 2) };
    const counters = await earlierCounters(journal(null, saved), clock);
    assert.deepEqual(counters, { since: '2026-01-02T00:00:00.000Z', totals: TOTALS });
    assert.deepEqual(saved, [{ since: counters.since }]);
    const later = await earlierCounters(journal(saved[0] ?? null, saved), { wallMs: () => 0 });
    assert.deepEqual(later, counters);
    assert.equal(saved.length, 1);
  });

  it('do not prevent a start on a full disk, or after damage of the stored time', async () => {
    const full = { ...journal({ since: 'damaged' }), saveState: () => Promise.reject(new Error('full')) };
    const { since } = await earlierCounters(full, { wallMs: () => 0 });
    assert.equal(since, '1970-01-01T00:00:00.000Z');
  });
});
