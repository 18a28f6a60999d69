import type { BinEvent } from '../../device/cycle/event.js';

/** Returns an event of a sorted item, changed by `changes`. */
export const anEvent = (changes: Partial<BinEvent> = {}): BinEvent => ({
  schema: 1,
  id: '01a22aad-e96d-74fa-8735-8374a1dc3313',
  bin: 'hall',
  epoch: '5f0a8a3e-6d3f-4c5e-9a51-0c2f2f6f4a10',
  seq: 12,
  at: '2026-01-01T00:00:00.000Z',
  clock: 'synchronised',
  trigger: { source: 'simulated', id: 't-1' },
  outcome: 'sorted',
  decision: { compartment: 'paper', label: 'paper', confidence: 0.984, reason: 'confident' },
  thresholds: { confidence: 0.91, margin: 0.9, hazardConfidence: 0.3 },
  scores: { paper: 0.984 },
  unfamiliar: null,
  model: null,
  runtime: null,
  frame: null,
  timingsMs: { total: 848.4, gateMove: 800.6 },
  fault: null,
  ...changes,
});
