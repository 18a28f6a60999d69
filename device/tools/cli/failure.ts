import { SortbinError } from '../../kit/errors.js';

/** Exit codes of sysexits.h. A service manager should not restart the bin after `configuration` or `data`. */
export const EXIT = {
  configuration: 78,
  data: 65,
  input: 66,
  cannotCreate: 73,
  io: 74,
  temporary: 75,
  software: 70,
  unavailable: 69,
} as const;

/** Exit codes by the prefix of an error's code. */
const EXIT_OF: readonly (readonly [prefix: string, code: number])[] = [
  ['config-', EXIT.configuration],
  ['policy-', EXIT.configuration],
  ['bundle-', EXIT.data],
  ['native-', EXIT.data],
  ['golden-', EXIT.data],
  ['no-runtime', EXIT.unavailable],
  ['edgetpu-', EXIT.unavailable],
  ['line', EXIT.unavailable],
  ['control-', EXIT.unavailable],
  ['gate-rules', EXIT.configuration],
  ['fill-rules', EXIT.configuration],
  ['pattern-', EXIT.configuration],
  ['tfjs-node-', EXIT.unavailable],
  ['vision-scheduling', EXIT.configuration],
  ['journal-', EXIT.io],
  ['pictures-', EXIT.input],
  ['events-', EXIT.input],
];

/** The abort reason when a signal ends a command. It is printed if the command had not started its parts yet. */
export class InterruptedError extends SortbinError<'interrupted'> {
  constructor() {
    super('interrupted', 'Interrupted before the start was complete.');
  }
}

/** Prints an error on standard error and sets the exit code. Only an unexpected error is printed with its stack. */
export const reportError = (error: unknown): void => {
  if (error instanceof SortbinError) {
    process.stderr.write(`sortbin: ${error.message}\n`);
    process.exitCode = EXIT_OF.find(([prefix]) => error.code.startsWith(prefix))?.[1] ?? EXIT.software;
  } else {
    process.stderr.write(
      `sortbin: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exitCode = EXIT.software;
  }
};
