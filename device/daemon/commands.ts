import { done, failed } from '../kit/errors.js';
import type { CommandHandler, ControlAnswer } from '../network/commands/commands.js';

export interface CommandOptions {
  /** Fires the command trigger. Returns false if the configuration has no trigger with driver `command`. */
  readonly trigger: () => boolean;
  /** Compartments of the policy. */
  readonly compartments: ReadonlySet<string>;
  readonly emptied: (compartment: string) => void;
}

/** Returns the handler of the commands that a running bin accepts. */
export const makeCommandHandler = (options: CommandOptions): CommandHandler => {
  const runTrigger = (): ControlAnswer =>
    options.trigger()
      ? done('triggered')
      : failed(
          'control-unfit',
          'trigger: this bin has no command trigger. Configure `trigger: { driver: command }`.',
        );
  const runEmptied = (compartment: string): ControlAnswer => {
    if (!options.compartments.has(compartment)) {
      const known = [...options.compartments].sort().join(', ');
      return failed('control-unfit', `emptied: unknown compartment "${compartment}". Use one of ${known}.`);
    }
    options.emptied(compartment);
    return done(`${compartment}: emptied`);
  };
  return (request) => (request.command === 'trigger' ? runTrigger() : runEmptied(request.compartment));
};
