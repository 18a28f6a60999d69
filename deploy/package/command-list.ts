import type { Command, Help } from 'commander';

/** A command of the command line, with what its help shows. */
export interface CommandEntry {
  /** The words after `sortbin`, for example `config check`. Empty for the program itself. */
  readonly words: string;
  readonly command: Command;
  readonly help: Help;
}

/** Returns the program and all its commands, in the order of the help. */
export const listCommands = (program: Command, words = ''): CommandEntry[] => {
  const help = program.createHelp();
  const below = help
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help')
    .flatMap((command) => listCommands(command, `${words} ${command.name()}`.trim()));
  return [{ words, command: program, help }, ...below];
};
