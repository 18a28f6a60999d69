import type { Command } from 'commander';
import { EXIT_MEANINGS } from '../../device/tools/cli/failure.js';
import { type CommandEntry, listCommands } from './command-list.js';

/** Files and variables that are the same for all commands of the package. */
const FILES: readonly (readonly [path: string, meaning: string])[] = [
  ['/etc/sortbin/sortbin.yaml', 'The configuration. An upgrade does not change it.'],
  ['/etc/sortbin/credentials', 'Secrets that only root can read, for example mqtt-password.'],
  ['/var/lib/sortbin', 'The journal and the frames.'],
  ['/usr/share/doc/sortbin', 'The guides, and the licences of everything in the package.'],
];
const CONFIG_VARIABLE =
  'The configuration file of a command without --config. If it is unset, the packaged program uses /etc/sortbin/sortbin.yaml.';

/** Returns the page sortbin(1) in roff. `date`: YYYY-MM-DD. */
export const manPage = (program: Command, version: string, date: string): string => {
  const [top, ...commands] = listCommands(program);
  const summary = program.description();
  return [
    `.TH SORTBIN 1 "${date}" "sortbin ${version}" "User Commands"`,
    '.SH NAME',
    'sortbin \\- sort the waste that is thrown into a bin',
    '.SH SYNOPSIS',
    '.B sortbin',
    '.I command',
    '[\\fIoptions\\fR]',
    '.SH DESCRIPTION',
    roff(summary),
    ...(top ? ['.SH OPTIONS', ...optionsOf(top)] : []),
    '.SH COMMANDS',
    ...commands.flatMap(describe),
    '.SH EXIT STATUS',
    ...Object.entries(EXIT_MEANINGS).flatMap(([code, meaning]) => item(code, meaning)),
    '.SH ENVIRONMENT',
    ...item('SORTBIN_CONFIG', CONFIG_VARIABLE),
    ...item('NO_COLOR', 'If it is set, the output has no colours.'),
    '.SH FILES',
    ...FILES.flatMap(([path, meaning]) => item(path, meaning)),
    '.SH SEE ALSO',
    '.BR systemctl (1),',
    '.BR journalctl (1)',
    '',
  ].join('\n');
};

const describe = (entry: CommandEntry): string[] => {
  const { words, command, help } = entry;
  const usage = help.commandUsage(command).replace(/^\S+ /, '');
  return [
    `.SS "${roff(`sortbin ${words}`)}"`,
    `.B ${roff(usage.startsWith('sortbin') ? usage : `sortbin ${usage}`)}`,
    '.PP',
    roff(sentence(command.description())),
    ...help.visibleArguments(command).flatMap((one) => item(one.name(), help.argumentDescription(one))),
    ...optionsOf(entry),
  ];
};

const optionsOf = ({ command, help }: CommandEntry): string[] =>
  help
    .visibleOptions(command)
    .flatMap((option) => item(help.optionTerm(option), help.optionDescription(option)));

const item = (term: string, text: string): string[] => ['.TP', `.B ${roff(term)}`, roff(sentence(text))];

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** Escapes a text, so that roff prints it unchanged. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.replace(/^([.'])/, '\\&$1'))
    .join('\n');
