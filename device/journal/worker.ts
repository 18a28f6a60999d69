import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, OPENING, type Reply, type Request, type SynchronousJournal } from './protocol.js';
import { Store, type StoreOptions } from './store.js';

/** Opens the journal and answers requests, one at a time and in order. The disk blocks only this thread. */
const serve = (port: MessagePort, options: StoreOptions): void => {
  const reply = (message: Reply) => port.postMessage(message);
  let store: Store;
  try {
    store = new Store(options);
  } catch (error) {
    reply(failureOf(OPENING, `journal in ${options.dataDir}: open`, error));
    return;
  }
  port.on('message', ({ id, method, args }: Request) => {
    try {
      const run = (store as SynchronousJournal)[method] as (...args: unknown[]) => unknown;
      reply({ id, ok: true, value: run.apply(store, args) });
    } catch (error) {
      reply(failureOf(id, `journal in ${options.dataDir}: ${method}`, error));
    }
    if (method === 'close') port.close();
  });
  reply({ id: OPENING, ok: true, value: undefined });
};

if (!parentPort) throw new Error('worker.js: not in a worker thread. SqliteJournal starts it.');
serve(parentPort, workerData as StoreOptions);
