import type { Command } from 'commander';
import { listCommands } from './command-list.js';

/** Returns the completions for bash: commands, options and the values of an option with choices. Otherwise files. */
export const bashCompletions = (program: Command): string => {
  const commands: string[] = [];
  const choices: string[] = [];
  for (const { words, command, help } of listCommands(program)) {
    const options = help.visibleOptions(command);
    const names = options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined);
    const below = help.visibleCommands(command).map((one) => one.name());
    commands.push(`    '${words}') next='${[...below, ...names].join(' ')}' ;;`);
    for (const { long, argChoices } of options)
      if (long && argChoices) choices.push(`    '${words} ${long}') values='${argChoices.join(' ')}' ;;`);
  }
  return `# Completions for bash. Generated from the command line of sortbin.
_sortbin() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path= next= values= i
  local -r commands='${listCommands(program)
    .map(({ words }) => `|${words}`)
    .join('')}|'
  for ((i = 1; i < COMP_CWORD; i++)); do
    local longer="$path\${path:+ }\${COMP_WORDS[i]}"
    [[ $commands == *"|$longer|"* ]] && path=$longer
  done
  case "$path $before" in
${choices.join('\n')}
  esac
  case "$path" in
${commands.join('\n')}
  esac
  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$next" -- "$word")
  fi
}
complete -o default -F _sortbin sortbin
`;
};

/** Returns the completions for fish. */
export const fishCompletions = (program: Command): string => {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines: string[] = [];
  for (const { words, command, help } of listCommands(program)) {
    const seen =
      words === ''
        ? '__fish_use_subcommand'
        : words
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    const head = `complete -c sortbin -n ${quote(seen)}`;
    for (const one of help.visibleCommands(command))
      lines.push(`${head} -f -a ${one.name()} -d ${quote(one.description())}`);
    for (const { short, long, required, argChoices, description } of help.visibleOptions(command))
      lines.push(
        [
          head,
          ...(short ? [`-s ${short.slice(1)}`] : []),
          ...(long ? [`-l ${long.slice(2)}`] : []),
          ...(argChoices ? [`-x -a ${quote(argChoices.join(' '))}`] : required ? ['-r'] : []),
          `-d ${quote(description)}`,
        ].join(' '),
      );
  }
  return `# Completions for fish. Generated from the command line of sortbin.\n${lines.join('\n')}\n`;
};
