import type { BenchReport } from './report.js';

/** The report for a terminal. */
export const renderReport = (report: BenchReport): string => {
  const { model, runtime, items, skipped, labelled } = report;
  const sections = [
    `${model.name} ${model.version} on ${runtime.name} (${runtime.backend}, ${threads(runtime.threads)}): ` +
      `${items.length} pictures classified, ${labelled} of them labelled, ${skipped.length} skipped`,
  ];
  if (skipped.length > 0)
    sections.push(
      ['Skipped', ...skipped.map(({ file, code, why }) => `  ${file}: ${code}: ${why}`)].join('\n'),
    );
  if (labelled > 0)
    sections.push(
      `Accuracy ${percent(report.accuracy)}; sorted with confidence: purity ${percent(report.overall.purity)}, ` +
        `coverage ${percent(report.overall.coverage)}`,
      classTable(report),
      confusionTable(report),
      compartmentTable(report),
    );
  sections.push(reasonLine(report), latencyTable(report));
  return `${sections.join('\n\n')}\n`;
};

const classTable = ({ perClass }: BenchReport): string =>
  table(
    ['label', 'pictures', 'right', 'recall', 'precision'],
    Object.entries(perClass).map(([label, { items, right, recall, precision }]) => [
      label,
      `${items}`,
      `${right}`,
      percent(recall),
      percent(precision),
    ]),
  );

const confusionTable = ({ confusion, perClass }: BenchReport): string => {
  const labels = Object.keys(perClass);
  const rows = Object.entries(confusion).map(([label, predicted]) => [
    label,
    ...labels.map((other) => `${predicted[other] ?? '·'}`),
  ]);
  const numbers = labels.map((_, index) => `${index + 1}`);
  const key = labels.map((label, index) => `${index + 1} ${label}`).join(', ');
  return `${table(['is \\ taken for', ...numbers], rows)}\n${key}`;
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
  const refusals = `refused: ${refused.right} hazards, ${refused.wrong} others`;
  return `${table(['compartment', 'belong', 'right', 'wrong', 'unsure', 'purity', 'recall'], rows)}\n${refusals}`;
};

const reasonLine = ({ reasons }: BenchReport): string =>
  `Decisions: ${Object.entries(reasons)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ')}`;

const latencyTable = ({ latencyMs }: BenchReport): string =>
  table(
    ['step', 'p50 ms', 'p95 ms', 'p99 ms'],
    Object.entries(latencyMs).map(([step, { p50, p95, p99 }]) => [
      step,
      ...[p50, p95, p99].map((ms) => ms.toFixed(1)),
    ]),
  );

/** The first column to the left, the others to the right. */
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

const percent = (share: number | null): string => (share === null ? '–' : `${(share * 100).toFixed(1)} %`);

const threads = (count: number): string => (count === 1 ? '1 thread' : `${count} threads`);
