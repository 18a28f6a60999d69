import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BenchItem } from '../../../device/tools/bench/bench.js';
import { unknownLabels } from '../../../device/tools/bench/label-folders.js';
import { renderReport } from '../../../device/tools/bench/render.js';
import { percentiles, reportOn } from '../../../device/tools/bench/report.js';
import { aClassification, somePolicy } from '../../support/cycle.js';

const item = (
  label: string | null,
  predicted: string,
  compartment: string | null,
  reason: string,
): BenchItem => ({
  file: `${label ?? 'x'}/${predicted}.jpg`,
  label,
  predicted,
  confidence: 0.9,
  scores: { [predicted]: 0.9 },
  unfamiliar: null,
  decision: { compartment, reason },
  latencyMs: { decode: 2, invoke: 10 },
});

const ITEMS = [
  item('paper', 'paper', 'paper', 'confident'),
  item('paper', 'cardboard', 'paper', 'confident'),
  item('metal', 'paper', 'paper', 'confident'),
  item('metal', 'metal', 'residual', 'low-confidence'),
  item('battery', 'battery', null, 'hazard'),
  item('shoes', 'battery', null, 'hazard'),
  item(null, 'paper', 'paper', 'confident'),
];
const { model, runtime } = aClassification();
const skipped = [{ file: 'broken.jpg', code: 'picture-broken', why: 'cut short' }];
const run = { items: ITEMS, skipped, unknownLabels: [], complete: true };
const report = reportOn(run, { model, runtime }, somePolicy(), []);

const LABELS_OF_MODEL = ['metal', 'paper'];

describe('the report of sortbin bench', () => {
  it('counts only labelled images in the figures of the labels', () => {
    assert.equal(report.labelled, 6);
    assert.equal(report.accuracy, 0.5);
    assert.deepEqual(report.perClass.paper, { items: 2, right: 1, precision: 0.5, recall: 0.5 });
    assert.deepEqual(report.confusion.metal, { metal: 1, paper: 1 });
  });

  it('distinguishes purity from coverage, and unsure items from wrong ones', () => {
    assert.deepEqual(report.compartments.paper, {
      belong: 2,
      right: 2,
      wrong: 1,
      unsure: 0,
      purity: 0.6667,
      recall: 1,
    });
    assert.equal(report.compartments.residual?.unsure, 1);
    assert.deepEqual(report.refused, { right: 1, wrong: 1 });
    assert.deepEqual(report.overall, { purity: 0.6667, coverage: 0.75 });
  });

  it('prints all figures, but none of labels if no image has a label', () => {
    const text = renderReport(report, LABELS_OF_MODEL);
    assert.match(text, /7 images classified, 6 labelled, 1 skipped/);
    assert.match(text, /Accuracy +50\.0 % .*\nPurity +66\.7 % .*\nCoverage +75\.0 % /);
    assert.match(text, /\n2 cardboard +· +· +·/);
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(text, /broken\.jpg: picture-broken: cut short/);
    const bare = renderReport(
      reportOn({ ...run, items: [ITEMS[6] as BenchItem], skipped: [] }, { model, runtime }, somePolicy(), []),
      LABELS_OF_MODEL,
    );
    assert.doesNotMatch(bare, /Accuracy|Purity|purity/);
    assert.match(bare, /invoke +10\.0/);
  });

  it('names what was left out, and folders that resemble a label', () => {
    const files = ['a.heic', 'b.HEIC', 'c.heic', 'd.heic'].map(
      (file) => ({ file, reason: 'format' }) as const,
    );
    const text = renderReport(
      reportOn(
        {
          ...run,
          complete: false,
          unknownLabels: unknownLabels(
            ['papier/1.jpg', 'x/Paper/2.jpg', 'Paper/3.jpg', 'shots/4.jpg', 'paper/5.jpg', '6.jpg'],
            ['metal', 'paper'],
          ),
        },
        { model, runtime },
        somePolicy(),
        [
          ...files,
          { file: 'notes.txt', reason: 'format' },
          { file: 'scan.tif', reason: 'format' },
          { file: 'link.jpg', reason: 'link' },
          { file: 'caf\ufffd.jpg', reason: 'name' },
        ],
      ),
      LABELS_OF_MODEL,
    );
    const start = text.indexOf('Interrupted');
    assert.deepEqual(text.slice(start, text.indexOf('\n\n', start)).split('\n'), [
      'Interrupted: the figures are not those of the whole folder.',
      'Left out: 4 .heic, which is not supported: a.heic, b.HEIC, c.heic and 1 more',
      'Left out: 1 .tif, which is not supported: scan.tif',
      'Left out: 1 symbolic link: link.jpg',
      'Left out: 1 file whose name is not UTF-8: caf\ufffd.jpg',
      'Not labelled: Paper/ (2 images): not a label of the model; did you mean paper?',
      'Not labelled: papier/ (1 image): not a label of the model; did you mean paper?',
      'Not labelled: shots/ (1 image): not a label of the model',
      'Labels are the names of the sub-folders. The model has: metal, paper.',
    ]);
  });

  it('computes percentiles by nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    assert.deepEqual(percentiles(values), { p50: 100, p95: 190, p99: 198 });
    assert.deepEqual(percentiles([7]), { p50: 7, p95: 7, p99: 7 });
  });
});
