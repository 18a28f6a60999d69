import { headSections, percent, table } from './render.js';
import type { BenchReport } from './report.js';
import type { ThresholdTable } from './thresholds.js';

/** Below this number of sorted items, the text says that the figures are uncertain. */
const FEW = 300;

/** Formats the table from which a user chooses `policy.confidence`, for a terminal of 80 columns. */
export const renderThresholds = (report: BenchReport, thresholds: ThresholdTable): string =>
  `${[...headSections(report), tableText(thresholds), notes(thresholds)].join('\n\n')}\n`;

const tableText = ({ rows, margin, items, refused }: ThresholdTable): string =>
  [
    `${items} labelled images, ${refused} of them refused as hazards. policy.margin is ${margin}.`,
    '',
    table(
      ['policy.confidence', 'sorted', 'right', 'purity', '95 % interval', 'coverage'],
      rows.map(({ confidence, present, sorted, right, purity, purityInterval: interval, coverage }) => [
        `${confidence.toFixed(2)}${present ? ' (present)' : ''}`,
        `${sorted}`,
        `${right}`,
        percent(purity),
        interval ? `${percent(interval[0])} to ${percent(interval[1])}` : '–',
        percent(coverage),
      ]),
    ),
  ].join('\n');

const notes = ({ rows, margin, items }: ThresholdTable): string => {
  const lowest = rows.filter(({ confidence }) => confidence < margin);
  const lines = [
    'Purity: share of the sorted items that are in the right compartment.',
    'Coverage: share of the items that are sorted. The others go to the fallback.',
  ];
  if (Math.max(...rows.map(({ sorted }) => sorted)) < FEW)
    lines.push(
      `${items} images are few: the true purity lies in the interval with 95 % certainty.`,
      `Use at least ${FEW} images of your bin, each of another item.`,
    );
  if (lowest.length > 0)
    lines.push(
      `Values below ${margin.toFixed(2)} change nothing, because policy.margin is ${margin}.`,
      'To see the table with another margin: --thresholds --margin 0.5',
    );
  lines.push('To write a value into the configuration: --set-confidence 0.85');
  return lines.join('\n');
};
