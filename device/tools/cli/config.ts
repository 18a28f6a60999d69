import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { initText, referencePage } from '../../config/reference.js';
import { jsonSchema } from '../../config/schema.js';
import { messageOf } from '../../kit/errors.js';
import { checkConfig, type Host } from './config-check.js';
import { DEFAULT_HELP, defaultFile } from './config-option.js';
import { EXIT } from './failure.js';

export const configCommand = (host: Host = process): Command => {
  const command = new Command('config').description('check, describe or create a configuration file');

  command
    .command('check')
    .description(`check a file and list every problem (exit code ${EXIT.configuration} if it is invalid)`)
    .argument('[file]', `YAML file (default: ${DEFAULT_HELP})`)
    .option('-c, --config <file>', 'the same as the argument')
    .option('--json', 'print {valid, problems, warnings} as JSON')
    .action((file: string | undefined, { config, json }: { config?: string; json?: boolean }) => {
      if (file !== undefined && config !== undefined)
        command.error('error: the file is named twice. Use the argument or --config.');
      return checkConfig(host, file ?? config ?? defaultFile(), json === true);
    });

  command
    .command('init')
    .description('create a file with every key, its default and an explanation')
    .argument('[file]', `file to create; an existing file is not changed (default: ${DEFAULT_HELP})`)
    .action((file: string | undefined) => init(host, file ?? defaultFile()));

  command
    .command('schema')
    .description('print the JSON Schema, for editors')
    .action(() => {
      host.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    });

  command
    .command('reference')
    .description('print the reference page as Markdown')
    .action(() => {
      host.stdout.write(referencePage());
    });

  return command;
};

const init = async (host: Host, file: string): Promise<void> => {
  try {
    // The file may get a password.
    await writeFile(file, initText(), { flag: 'wx', mode: 0o600 });
    host.stdout.write(`${file} written\n`);
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const problem = exists ? 'already exists and was not changed. Name another file.' : messageOf(error);
    host.stderr.write(`${file}: ${problem}\n`);
    host.exitCode = EXIT.cannotCreate;
  }
};
