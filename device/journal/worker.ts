import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Check, isDamage } from './database.js';
import { isDiskFull } from './disk-space.js';
import { type Cause, failureOf, OPENING, type Reply, type Request, type WAKE } from './protocol.js';
import { Store, type StoreOptions } from './store.js';

/** What the worker receives when it starts. */
export interface WorkerData {
  readonly options: StoreOptions;
  readonly check: Check;
  /** Shared memory. Its first element is not 0 when the worker must end: it does not begin another request then. */
  readonly ending: Int32Array;
}

/** Opens the journal and answers requests, one at a time and in order. The disk blocks only this thread. */
const serve = (port: MessagePort, { options, check, ending }: WorkerData): void => {
  const reply = (message: Reply) => port.postMessage(message);
  const replyFailure = (id: number, action: string, error: unknown) =>
    reply(failureOf(id, `journal in ${options.dataDir}: ${action}`, error, causeOf(error, options.dataDir)));
  let store: Store;
  try {
    store = Store.open(options, check);
  } catch (error) {
    replyFailure(OPENING, 'open', error);
    return;
  }
  port.on('message', (request: Request | typeof WAKE) => {
    if (!request || Atomics.load(ending, 0) !== 0) return port.close();
    const { id, method, args } = request;
    try {
      const run = store[method] as (...args: unknown[]) => unknown;
      reply({ id, ok: true, value: run.apply(store, args) });
    } catch (error) {
      replyFailure(id, method, error);
    }
    if (method === 'close') port.close();
  });
  reply({
    id: OPENING,
    ok: true,
    value: { setAside: store.setAside, framesAside: store.framesAside, dropped: store.droppedAtOpening },
  });
};

const causeOf = (error: unknown, dataDir: string): Cause => {
  if (isDamage(error)) return 'damage';
  return isDiskFull(error, dataDir) ? 'full' : 'other';
};

if (!parentPort) throw new Error('worker.js: not in a worker thread. SqliteJournal starts it.');
serve(parentPort, workerData as WorkerData);
