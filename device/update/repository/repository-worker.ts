import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../../kit/clock.js';
import { type Answer, messageOf } from '../../kit/errors.js';
import type { RepositoryFault, TargetFile } from './repository.js';
import { type RepositoryLimits, TufRepository } from './tuf-repository.js';

/** What the worker receives when it starts. */
export interface WorkerData {
  readonly folder: string;
  readonly url: string;
  readonly builtAtMs: number;
  readonly limits: Partial<RepositoryLimits>;
}

export type Call =
  | { readonly method: 'stored' | 'trustedRoot' }
  | { readonly method: 'refresh'; readonly url: string }
  | { readonly method: 'download'; readonly url: string; readonly target: TargetFile; readonly into: string }
  | { readonly method: 'trustRoot'; readonly rootJson: string };

export type Request =
  | { readonly id: number; readonly call: Call }
  | { readonly id: number; readonly abort: true };

export type Reply =
  | { readonly id: number; readonly answer: Answer<unknown, RepositoryFault> }
  | { readonly id: number; readonly progress: number }
  | { readonly id: number; readonly error: string };

const serve = (port: MessagePort, { url, ...options }: WorkerData): void => {
  const repository = new TufRepository({ ...options, url: new URL(url), clock: new SystemClock() });
  const running = new Map<number, AbortController>();
  const reply = (message: Reply) => port.postMessage(message);

  const run = (id: number, call: Call, signal: AbortSignal): Promise<Answer<unknown, RepositoryFault>> => {
    switch (call.method) {
      case 'refresh':
        return repository.refresh(signal, new URL(call.url));
      case 'stored':
        return repository.stored();
      case 'download': {
        const onProgress = (progress: number) => reply({ id, progress });
        return repository.download(call.target, call.into, signal, onProgress, new URL(call.url));
      }
      case 'trustRoot':
        return repository.trustRoot(call.rootJson);
      case 'trustedRoot':
        return repository.trustedRoot();
    }
  };

  port.on('message', (request: Request) => {
    const { id } = request;
    if ('abort' in request) return running.get(id)?.abort();
    const controller = new AbortController();
    running.set(id, controller);
    run(id, request.call, controller.signal)
      .then((answer) => reply({ id, answer }))
      .catch((thrown) => reply({ id, error: messageOf(thrown) }))
      .finally(() => running.delete(id));
  });
};

if (!parentPort)
  throw new Error('repository-worker.js: not in a worker thread. ThreadedRepository starts it.');
serve(parentPort, workerData as WorkerData);
