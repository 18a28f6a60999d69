import { done, failed } from '../kit/errors.js';
import type { CommandHandler, ControlAnswer } from '../network/commands/commands.js';

export interface CommandOptions {
  /** False where nobody watches. */
  readonly trigger: () => boolean;
  /** Of the policy. */
  readonly compartments: ReadonlySet<string>;
  readonly emptied: (compartment: string) => void;
}

/** What a bin at work does on a command. */
export const makeCommandHandler = (options: CommandOptions): CommandHandler => {
  const triggered = (): ControlAnswer =>
    options.trigger()
      ? done('triggered')
      : failed(
          'control-unfit',
          'this bin heeds no such command: its configuration names no trigger with driver "command"',
        );
  const emptied = (compartment: string): ControlAnswer => {
    if (!options.compartments.has(compartment)) {
      const known = [...options.compartments].sort().join(', ');
      return failed('control-unfit', `no compartment "${compartment}" in this bin; there are: ${known}`);
    }
    options.emptied(compartment);
    return done(`${compartment}: emptied`);
  };
  return (request) => (request.command === 'trigger' ? triggered() : emptied(request.compartment));
};
