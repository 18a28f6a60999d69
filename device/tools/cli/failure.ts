import { SortbinError } from '../../kit/errors.js';
import { plainLines } from '../../kit/plain-text.js';

/** Exit codes of sysexits.h, and 1 for a bin that is not healthy. A service manager should not restart the bin after `usage`, `data` or `configuration`. */
export const EXIT = {
  unhealthy: 1,
  usage: 64,
  data: 65,
  input: 66,
  unavailable: 69,
  software: 70,
  system: 71,
  cannotCreate: 73,
  io: 74,
  temporary: 75,
  configuration: 78,
} as const;

/** The exit codes of all commands. docs/troubleshooting.md has the same codes. */
export const EXIT_MEANINGS: Readonly<Record<number, string>> = {
  0: 'success',
  [EXIT.unhealthy]: 'status: the bin has a fault, or makes no progress',
  [EXIT.usage]: 'the command line is not valid',
  [EXIT.data]: 'a bundle, file or repository has wrong content, or a bin refused a command',
  [EXIT.input]: 'an input other than the configuration cannot be read, or a terminal is missing',
  [EXIT.unavailable]: 'a runtime, line, camera, broker, bin or repository is not available',
  [EXIT.software]: 'an error in the program, or a stop that took too long',
  [EXIT.system]: 'a limit of the system, such as open files',
  [EXIT.cannotCreate]: 'a file cannot be written, or already exists',
  [EXIT.io]: 'the journal, a disk or the standard output cannot be used',
  [EXIT.temporary]: 'a command may have been executed: send it again',
  [EXIT.configuration]: 'the configuration is not valid, or cannot be read',
  129: 'SIGHUP ended bench or setup, or a second one a bin that was stopping',
  130: 'SIGINT (Ctrl-C) did the same, or ended events --follow',
  143: 'SIGTERM did the same',
};

/** Exit codes by the prefix of an error's code. */
const EXIT_OF: readonly (readonly [prefix: string, code: number])[] = [
  ['option-', EXIT.usage],
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
  ['pictures-unusable', EXIT.data],
  ['pictures-', EXIT.input],
  ['report-', EXIT.cannotCreate],
  ['calibrate-file', EXIT.cannotCreate],
  ['events-', EXIT.input],
  ['root-unreadable', EXIT.input],
  ['setup-answer', EXIT.usage],
  ['setup-file', EXIT.cannotCreate],
  ['setup-', EXIT.unavailable],
  ['release-option', EXIT.usage],
  ['release-name', EXIT.data],
  ['release-invalid', EXIT.data],
  ['release-expired', EXIT.data],
  ['release-missing', EXIT.input],
  ['release-key', EXIT.input],
  ['release-no-terminal', EXIT.input],
  ['release-exists', EXIT.cannotCreate],
  ['release-full', EXIT.cannotCreate],
  ['release-staged', EXIT.cannotCreate],
  ['release-', EXIT.unavailable],
];

/** The abort reason when a signal ends a command. It is printed if the command had not started its parts yet. */
export class InterruptedError extends SortbinError<'interrupted'> {
  /** `exitCode`: 128 and the number of the signal. */
  constructor(readonly exitCode = 130) {
    super('interrupted', 'Interrupted before the start was complete.');
  }
}

const toStandardError = (text: string): void => {
  process.stderr.write(text);
};

/** Prints an error on standard error and sets the exit code. Only an unexpected error is printed with its stack. */
export const reportError = (error: unknown, print = toStandardError): void => {
  if (error instanceof SortbinError) {
    print(plainLines(`sortbin: ${error.message}\n`));
    const code = EXIT_OF.find(([prefix]) => error.code.startsWith(prefix))?.[1] ?? EXIT.software;
    // A signal has set its exit code already.
    process.exitCode = error instanceof InterruptedError ? (process.exitCode ?? code) : code;
  } else if (isSystemError(error)) {
    const isLimit = error.code === 'EMFILE' || error.code === 'ENFILE';
    const fix = isLimit ? '. Raise the limit of open files, for example with "ulimit -n 1024".' : '';
    print(plainLines(`sortbin: ${error.message}${fix}\n`));
    process.exitCode = isLimit ? EXIT.system : EXIT.io;
  } else if (isMissingModule(error)) {
    // The loader of Node.js hides the cause: it reports the same if it cannot open the file of a package.
    const fix = 'Install Sortbin again, or raise the limit of open files, for example with "ulimit -n 1024".';
    const reason = 'A file of the program is missing, or there are too many open files';
    print(plainLines(`sortbin: ${error.message}. ${reason}. ${fix}\n`));
    process.exitCode = EXIT.system;
  } else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    print(plainLines(`sortbin: ${text}\n`));
    process.exitCode = EXIT.software;
  }
};

/** Whether an error comes from the system, which is the place to look for its cause, not the program. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'errno' in error && 'code' in error;

const isMissingModule = (error: unknown): error is Error =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND');
