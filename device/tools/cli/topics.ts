import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { parseConfig } from '../../config/load.js';
import { messageSchemas, updatePage } from '../../daemon/reference/page.js';
import { TOPICS } from '../../daemon/reference/topics.js';
import { withoutMarks } from '../../kit/markdown.js';
import { fact } from '../doctor/doctor.js';
import { renderFacts } from '../doctor/render.js';
import { printJson, terminalStyle } from './report.js';

interface Flags {
  readonly json?: boolean;
  readonly reference?: string;
}

export const topicsCommand = (): Command =>
  new Command('topics')
    .description('list the MQTT topics that a bin publishes')
    .option('--json', 'print the JSON Schemas of all messages and commands')
    .option('--reference <file>', 'update the generated parts of docs/mqtt.md')
    .action(async ({ json = false, reference }: Flags) => {
      if (reference !== undefined) await update(reference);
      else if (json) printJson(messageSchemas());
      else process.stdout.write(renderFacts(section(), terminalStyle()));
    });

const update = async (file: string): Promise<void> => {
  const { commands } = parseConfig('', file).mqtt;
  await writeFile(file, updatePage(await readFile(file, 'utf8'), commands));
};

const section = () => ({
  title: 'topics',
  exitCode: 0,
  checks: TOPICS.map(({ topic, payload, when }) =>
    fact(topic, `${withoutMarks(payload).replace(/, see \[.*/, '')}; ${when}`),
  ),
});
