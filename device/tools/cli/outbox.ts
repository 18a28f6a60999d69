import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { JournalReader } from '../../journal/journal-reader.js';
import { newId } from '../../kit/ids.js';
import { plain } from '../../kit/plain-text.js';
import { ControlError } from '../../network/commands/commands.js';
import { askBin, type BinFlags, binCommand } from './bin-commands.js';
import { readConfig } from './loaded-config.js';
import { printJson } from './report.js';

// The events that the broker has refused for good. They stay in the outbox, but are not sent again by themselves.

interface SelectionFlags extends BinFlags {
  readonly all?: boolean;
}

export const outboxCommand = (): Command =>
  binCommand('outbox', 'show and handle the events that the broker has refused for good')
    .enablePositionalOptions()
    .addCommand(
      binCommand(
        'list',
        'list the undeliverable events of a running or stopped bin, with the reasons',
      ).action(listUndeliverable),
      { isDefault: true },
    )
    .addCommand(changeCommand('retry', 'let the running bin send undeliverable events again', 'sent again'))
    .addCommand(changeCommand('drop', 'remove undeliverable events from the outbox', 'dropped'));

const changeCommand = (name: 'retry' | 'drop', description: string, done: string): Command =>
  binCommand(name, description)
    .argument('[numbers...]', 'numbers of events, as `sortbin outbox list` prints them', parseNumbers)
    .option('--all', 'all undeliverable events')
    .action(async (numbers: number[], flags: SelectionFlags, command: Command) => {
      if (numbers.length > 0 === (flags.all === true))
        command.error(`error: name events by their numbers, or use --all. See "sortbin outbox list".`);
      const events = flags.all ? 'all' : numbers;
      const request = { command: `outbox-${name}`, events, transaction: newId() };
      const count = await askBin(request, flags).catch((thrown) => {
        if (!(thrown instanceof ControlError && thrown.code === 'control-down')) throw thrown;
        throw new ControlError(thrown.code, `outbox ${name}: the bin must run. ${thrown.message}`, {
          cause: thrown,
        });
      });
      if (count === undefined || flags.json) return;
      process.stdout.write(`${Number(count) === 1 ? '1 event' : `${Number(count)} events`} ${done}\n`);
    });

const parseNumbers = (text: string, earlier: number[] = []): number[] => {
  const seq = Number(/^#?([1-9]\d{0,14})$/.exec(text)?.[1]);
  if (Number.isNaN(seq)) throw new InvalidArgumentError('Use the number of an event, such as 12.');
  return [...earlier, seq];
};

const listUndeliverable = async (_flags: BinFlags, command: Command): Promise<void> => {
  const { config: file, json = false } = command.optsWithGlobals<BinFlags>();
  const { config, folder } = await readConfig(file);
  const reader = JournalReader.open(resolve(folder, config.dataDir));
  try {
    const events = reader.undeliverable();
    if (json) return printJson({ schema: 1, events });
    for (const { seq, at, reason } of events)
      process.stdout.write(`#${seq}  ${plain(at)}\n  ${plain(reason)}\n`);
    if (events.length === 0) process.stderr.write('no undeliverable events\n');
  } finally {
    reader.close();
  }
};
