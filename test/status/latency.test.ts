import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Latency } from '../../device/status/latency.js';

describe('the latency of the steps', () => {
  it('has the percentiles of each step', () => {
    const latency = new Latency();
    assert.deepEqual(latency.steps(), {});
    for (let ms = 100; ms >= 1; ms--) latency.event({ timingsMs: { total: ms } });
    latency.event({ timingsMs: { capture: 7 } });
    assert.deepEqual(latency.steps(), {
      total: { p50: 50, p95: 95, items: 100 },
      capture: { p50: 7, p95: 7, items: 1 },
    });
  });

  it('forgets the oldest items', () => {
    const latency = new Latency();
    for (let item = 0; item < 300; item++) latency.event({ timingsMs: { total: item < 100 ? 9_000 : 10 } });
    assert.deepEqual(latency.steps(), { total: { p50: 10, p95: 10, items: 200 } });
  });
});
