import { decidingThreshold } from '../../cycle/policy.js';
import { headSections, percent, table } from './render.js';
import type { BenchReport } from './report.js';
import type { ThresholdRow, ThresholdTable } from './thresholds.js';

/** Below this number of sorted items, the text says that the figures are uncertain. */
const FEW = 300;

/** The values of the command that produced the table. */
interface ThresholdsCommand {
  readonly margin: number | undefined;
  /** Whether the command writes a value too. */
  readonly isWritten: boolean;
}

/** Formats the table from which a user chooses `policy.confidence`, for a terminal of 80 columns. */
export const renderThresholds = (
  report: BenchReport,
  thresholds: ThresholdTable,
  labels: readonly string[],
  command: ThresholdsCommand,
): string => {
  const hints = report.complete && !command.isWritten ? nextCommands(thresholds, command) : [];
  const end = [...notes(thresholds), ...hints].join('\n');
  return `${[...headSections(report, labels), tableText(thresholds), end].join('\n\n')}\n`;
};

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

const notes = ({ rows, margin, items }: ThresholdTable): string[] => {
  const lines = [
    'Purity: share of the sorted items that are in the right compartment.',
    'Coverage: share of the items that are sorted. The others go to the fallback.',
  ];
  if (Math.max(...rows.map(({ sorted }) => sorted)) < FEW)
    lines.push(
      `${items} images are few: the true purity lies in the interval with 95 % certainty.`,
      `Use at least ${FEW} images of your bin, each of another item.`,
    );
  if (rows.some((row) => !hasEffect(row, margin)))
    lines.push(`Values up to ${margin.toFixed(2)} change nothing, because policy.margin is ${margin}.`);
  return lines;
};

const hasEffect = ({ confidence }: ThresholdRow, margin: number): boolean =>
  decidingThreshold({ confidence, margin }) !== 'margin';

/** A usual value, and a margin that leaves the decision to most values of the table. */
const EXAMPLE = { confidence: 0.85, margin: 0.3 };

const nextCommands = ({ rows, margin }: ThresholdTable, command: ThresholdsCommand): string[] => {
  const useful = rows.filter((row) => !row.present && hasEffect(row, margin));
  const example = useful.find(({ confidence }) => confidence >= EXAMPLE.confidence);
  const marginOption = command.margin === undefined ? '' : `--margin ${command.margin} `;
  return [
    ...(useful.length < rows.length - 1 && margin > EXAMPLE.margin
      ? [`To see the table with another margin: --thresholds --margin ${EXAMPLE.margin}`]
      : []),
    ...(example
      ? [`To write a value into the configuration: ${marginOption}--set-confidence ${example.confidence}`]
      : []),
  ];
};
