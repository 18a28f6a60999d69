import { type ChildProcess, fork } from 'node:child_process';

const CHILD = new URL('./child.js', import.meta.url);

/** Environment variables passed on. The daemon's secrets are not, because malicious images may attack the process. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'];
/** By default, glibc creates up to 8 arenas per core, one per thread. Each of them keeps its freed memory. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
/** In megabytes. Images are outside the heap of V8. The small semi-space saves most of the memory. */
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=64'];

let ahead: ChildProcess | null = null;

/** Returns a vision process that waits for its options. It is new, or `forkAhead` has started it. */
export const forkVision = (): ChildProcess => {
  const child = ahead?.pid !== undefined && ahead.connected ? ahead : null;
  ahead = null;
  child?.removeAllListeners('error');
  return child ?? start();
};

/** Starts the vision process that the next `forkVision` returns. It loads its program while the caller loads its own. */
export const forkAhead = (): void => {
  endAhead();
  ahead = start();
  // `forkVision` starts another one then.
  ahead.on('error', () => {});
};

/** Ends the process that `forkAhead` has started if nothing has used it. Call it when no other one will start. */
export const endAhead = (): void => {
  ahead?.kill('SIGKILL');
  ahead = null;
};

const start = (): ChildProcess =>
  fork(CHILD, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...inheritedEnvironment(), ...ENVIRONMENT },
    execArgv: NODE_OPTIONS,
  });

const inheritedEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(INHERITED.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])));
