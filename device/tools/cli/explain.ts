import { Command } from 'commander';
import { SortbinError } from '../../kit/errors.js';
import { withoutMarks } from '../../kit/markdown.js';
import { mostSimilar } from '../../kit/similar-word.js';
import { explainFault, FAULT_GROUPS, type FaultText, faultCodes } from '../../status/faults/faults.js';
import { faultReference } from '../../status/faults/reference.js';
import { fact } from '../doctor/doctor.js';
import { renderFacts } from '../doctor/render.js';
import { EXIT, reportError } from './failure.js';
import { exitCodesHelp, printJson, terminalStyle } from './report.js';

interface Flags {
  readonly json?: boolean;
  readonly reference?: boolean;
}

export const explainCommand = (): Command =>
  new Command('explain')
    .summary('explain a fault code')
    .description('explain a fault code: what it means and what to do; without a code, list all')
    .argument('[code]', 'fault code, such as camera-missing')
    .option('--json', 'print {schema, faults: [{code, meaning, cure, page}]} as JSON')
    .option('--reference', 'print the tables of docs/troubleshooting.md as Markdown')
    .addHelpText('after', exitCodesHelp({ [EXIT.usage]: 'the code is unknown' }))
    .action((code: string | undefined, { json = false, reference = false }: Flags) => {
      if (reference) process.stdout.write(faultReference());
      else if (code === undefined) printAll(json);
      else explain(code, json);
    });

const explain = (code: string, json: boolean): void => {
  const text = explainFault(code);
  if (!text) {
    const similar = mostSimilar(code, faultCodes());
    const hint = similar === undefined ? 'Run "sortbin explain" for a list' : `Did you mean ${similar}`;
    const end = similar === undefined ? '.' : '?';
    reportError(new SortbinError('option-unknown-fault', `${code}: unknown fault code. ${hint}${end}`));
    return;
  }
  if (json) printJson({ schema: 1, faults: [entryOf(code, text)] });
  else process.stdout.write(renderFacts(sectionOf(code, text), terminalStyle()));
};

/** Like the texts of `sortbin status --json` and of the topics, without the marks of Markdown. */
const entryOf = (code: string, text: FaultText) => ({
  code,
  ...text,
  meaning: withoutMarks(text.meaning),
  cure: withoutMarks(text.cure),
});

const sectionOf = (code: string, { meaning, cure, page }: FaultText) => ({
  title: code,
  exitCode: 0,
  checks: [
    fact('meaning', withoutMarks(meaning)),
    fact('what to do', withoutMarks(cure)),
    ...(page === undefined ? [] : [fact('more', `docs/${page}`)]),
  ],
});

const printAll = (json: boolean): void => {
  if (json) {
    const faults = FAULT_GROUPS.flatMap((group) =>
      Object.entries(group.faults).map(([code, text]) => entryOf(code, text)),
    );
    printJson({ schema: 1, faults });
    return;
  }
  const style = terminalStyle();
  const sections = FAULT_GROUPS.map(({ title, faults }) =>
    renderFacts(
      {
        title,
        exitCode: 0,
        checks: Object.entries(faults).map(([code, { meaning }]) => fact(code, withoutMarks(meaning))),
      },
      style,
    ),
  );
  process.stdout.write(sections.join('\n'));
};
