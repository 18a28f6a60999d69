import { groupLeftOut, type LeftOutFile } from '../../hardware/camera/left-out.js';
import { wrap } from '../../kit/wrap.js';
import { countText } from '../doctor/doctor.js';
import type { BenchReport } from './report.js';

/** Formats the report for a terminal of 80 columns. */
export const renderReport = (report: BenchReport, labels: readonly string[]): string => {
  const { labelled } = report;
  const sections = headSections(report, labels);
  if (labelled > 0)
    sections.push(summary(report), classTable(report), confusionTable(report), compartmentTable(report));
  if (report.items.length > 0) sections.push(reasonLine(report), latencyTable(report));
  return `${sections.join('\n\n')}\n`;
};

/** Formats what was tested, and what was not. `labels`: those of the model. */
export const headSections = (report: BenchReport, labels: readonly string[]): string[] => {
  const { model, runtime, items, skipped, labelled, complete } = report;
  const head = [
    `${model.name} ${model.version} on ${runtime.name} (${runtime.backend}, ${countText(runtime.threads, 'thread')})`,
    `${countText(items.length, 'image')} classified, ${labelled} labelled, ${skipped.length} skipped`,
    ...(complete ? [] : ['Interrupted: the figures are not those of the whole folder.']),
    ...leftOutLines(report.leftOut),
    ...unknownLabelLines(report),
    ...labelLines(report, labels),
  ];
  const sections = [head.join('\n')];
  if (skipped.length > 0)
    sections.push(
      ['Skipped', ...skipped.map(({ file, code, why }) => `  ${file}: ${code}: ${why}`)].join('\n'),
    );
  return sections;
};

const SHOWN = 3;

/** Other files, such as notes, are only in the JSON report. */
const leftOutLines = (leftOut: readonly LeftOutFile[]): string[] =>
  groupLeftOut(leftOut)
    .filter(({ isOther }) => !isOther)
    .map(({ files, text }) => {
      const more = files.length > SHOWN ? ` and ${files.length - SHOWN} more` : '';
      return `Left out: ${text}: ${files.slice(0, SHOWN).join(', ')}${more}`;
    });

const unknownLabelLines = ({ unknownLabels }: BenchReport): string[] =>
  unknownLabels.map(({ folder, images, similar }) => {
    const hint = similar === null ? '' : `; did you mean ${similar}?`;
    return `Not labelled: ${folder}/ (${countText(images, 'image')}): not a label of the model${hint}`;
  });

const COLUMNS = 80;

/** Lists the labels if images have none. */
const labelLines = ({ items, labelled, unknownLabels }: BenchReport, labels: readonly string[]): string[] => {
  if (unknownLabels.length === 0 && (labelled > 0 || items.length === 0)) return [];
  const text = `Labels are the names of the sub-folders. The model has: ${labels.join(', ')}.`;
  return wrap(text, COLUMNS);
};

const summary = ({ accuracy, overall }: BenchReport): string =>
  [
    `Accuracy  ${percent(accuracy).padStart(7)}  correct labels / labelled images`,
    `Purity    ${percent(overall.purity).padStart(7)}  correct compartment / sorted with confidence`,
    `Coverage  ${percent(overall.coverage).padStart(7)}  sorted with confidence / not refused`,
  ].join('\n');

const classTable = ({ perClass }: BenchReport): string =>
  table(
    ['label', 'images', 'correct', 'recall', 'precision'],
    Object.entries(perClass).map(([label, { items, right, recall, precision }]) => [
      label,
      `${items}`,
      `${right}`,
      percent(recall),
      percent(precision),
    ]),
  );

/** The rows are true labels. The columns are predicted labels, by the number of their row. */
const confusionTable = ({ confusion, perClass }: BenchReport): string => {
  const labels = Object.keys(perClass);
  const numbers = labels.map((_, index) => `${index + 1}`);
  const width = `${labels.length}`.length;
  const rows = labels.map((label, index) => [
    `${`${index + 1}`.padStart(width)} ${label}`,
    ...labels.map((predicted) => `${confusion[label]?.[predicted] ?? '·'}`),
  ]);
  return table(['true \\ predicted', ...numbers], rows);
};

const compartmentTable = ({ compartments, refused }: BenchReport): string => {
  const rows = Object.entries(compartments).map(([name, figures]) => [
    name,
    `${figures.belong}`,
    `${figures.right}`,
    `${figures.wrong}`,
    `${figures.unsure}`,
    percent(figures.purity),
    percent(figures.recall),
  ]);
  const head = ['compartment', 'expected', 'correct', 'wrong', 'unsure', 'purity', 'recall'];
  return `${table(head, rows)}\nRefused: ${refused.right} hazardous, ${refused.wrong} others`;
};

const reasonLine = ({ reasons }: BenchReport): string =>
  `Decisions: ${Object.entries(reasons)
    .map(([reason, items]) => `${reason} ${items}`)
    .join(', ')}`;

const latencyTable = ({ latencyMs }: BenchReport): string =>
  table(
    ['step', 'p50 ms', 'p95 ms', 'p99 ms'],
    Object.entries(latencyMs).map(([step, { p50, p95, p99 }]) => [
      step,
      ...[p50, p95, p99].map((ms) => ms.toFixed(1)),
    ]),
  );

/** Formats a table. The first column is aligned left, the others right. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const print = (line: readonly string[]) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [print(head), widths.map((width) => '─'.repeat(width)).join('──'), ...rows.map(print)].join('\n');
};

export const percent = (share: number | null): string =>
  share === null ? '–' : `${(share * 100).toFixed(1)} %`;
