import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BenchItem } from '../../../device/tools/bench/bench.js';
import { renderThresholds } from '../../../device/tools/bench/render-thresholds.js';
import { reportOn } from '../../../device/tools/bench/report.js';
import { thresholdTable, wilsonInterval } from '../../../device/tools/bench/thresholds.js';
import { aClassification, somePolicy } from '../../support/cycle.js';

const item = (label: string | null, predicted: string, confidence: number, flag = false): BenchItem => ({
  file: `${label}/1.jpg`,
  label,
  predicted,
  confidence,
  scores: { [predicted]: confidence },
  unfamiliar: { score: 0, flag },
  decision: { compartment: 'paper', reason: 'confident' },
  latencyMs: {},
});

const ITEMS = [
  item('paper', 'paper', 0.95),
  item('paper', 'cardboard', 0.86),
  item('metal', 'paper', 0.81),
  item('metal', 'metal', 0.99, true),
  item('battery', 'battery', 0.9),
  item(null, 'paper', 0.99),
];
const policy = { ...somePolicy(), confidence: 0.91, margin: 0 };
const tableOf = (margin: number) => thresholdTable(ITEMS, { ...policy, margin }, policy.confidence, 0.87);
const rowOf = (confidence: number, margin = 0) =>
  tableOf(margin).rows.find((row) => row.confidence === confidence);

const textOf = (
  margin: number,
  {
    complete = true,
    isWritten = false,
    ...command
  }: { complete?: boolean; isWritten?: boolean; margin?: number } = {},
) => {
  const { model, runtime } = aClassification();
  const run = { items: ITEMS, skipped: [], unknownLabels: [], complete };
  const report = reportOn(run, { model, runtime }, policy, []);
  return renderThresholds(report, tableOf(margin), [], { margin: command.margin, isWritten });
};

describe('the table of thresholds', () => {
  it('counts for each confidence the sorted items and the right ones, of the labelled items', () => {
    const { items, refused, rows } = tableOf(0);
    assert.deepEqual([items, refused], [5, 1]);
    assert.deepEqual(
      [0.8, 0.85, 0.87, 0.91, 0.96].map((confidence) => {
        const { sorted, right, purity, coverage } = rowOf(confidence) ?? {};
        return [sorted, right, purity, coverage];
      }),
      [
        [3, 2, 0.6667, 0.75],
        [2, 2, 1, 0.5],
        [1, 1, 1, 0.25],
        [1, 1, 1, 0.25],
        [0, 0, null, 0],
      ],
    );
    assert.deepEqual(
      rows.filter(({ present }) => present).map(({ confidence }) => confidence),
      [0.91],
    );
    assert.equal(rowOf(0.8, 0.9)?.sorted, 1);
  });

  it('states how uncertain the purity is', () => {
    assert.deepEqual(wilsonInterval(10, 10), [0.7225, 1]);
    assert.deepEqual(wilsonInterval(95, 100), [0.8882, 0.9785]);
    assert.equal(wilsonInterval(0, 0), null);
  });

  it('fits into 80 columns, marks the present value, and names a margin that decides alone', () => {
    const text = textOf(0.9);
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(text, /\n0\.91 \(present\) +1 +1 +100\.0 % +20\.6 % to 100\.0 % +25\.0 %\n/);
    assert.match(text, /Values up to 0\.90 change nothing, because policy\.margin is 0\.9\./);
    assert.match(text, /5 images are few/);
  });

  it('suggests only a value that has an effect, with the margin of the command, and nothing after a write', () => {
    assert.match(textOf(0.9), /: --set-confidence 0\.92\n$/);
    assert.match(textOf(0.9), /: --thresholds --margin 0\.3\n/);
    assert.match(textOf(0.2, { margin: 0.2 }), /: --margin 0\.2 --set-confidence 0\.85\n$/);
    assert.doesNotMatch(textOf(0.2), /--thresholds --margin/);
    assert.doesNotMatch(textOf(0.99), /--set-confidence/);
    assert.doesNotMatch(textOf(0.2, { isWritten: true }), /--set-confidence/);
    assert.doesNotMatch(textOf(0.2, { complete: false }), /--set-confidence/);
  });
});
