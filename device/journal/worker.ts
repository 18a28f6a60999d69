import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, OPENING, type Reply, type Request, type SynchronousJournal } from './protocol.js';
import { Store, type StoreOptions } from './store.js';

/** The journal's worker: one request at a time, in order. Whatever the disk takes, it takes here. */
const serve = (port: MessagePort, options: StoreOptions): void => {
  const reply = (message: Reply) => port.postMessage(message);
  let store: Store;
  try {
    store = new Store(options);
  } catch (error) {
    reply(failureOf(OPENING, `opening the journal in ${options.dataDir}`, error));
    return;
  }
  port.on('message', ({ id, method, args }: Request) => {
    try {
      const run = (store as SynchronousJournal)[method] as (...args: unknown[]) => unknown;
      reply({ id, ok: true, value: run.apply(store, args) });
    } catch (error) {
      reply(failureOf(id, `${method} in the journal in ${options.dataDir}`, error));
    }
    if (method === 'close') port.close();
  });
  reply({ id: OPENING, ok: true, value: undefined });
};

if (!parentPort) throw new Error('worker.js is started by SqliteJournal, as a worker thread');
serve(parentPort, workerData as StoreOptions);
