import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import type { StartWorker } from '../../../device/journal/journal-worker.js';
import { OPENING, type Reply, type Request, type WAKE } from '../../../device/journal/protocol.js';
import type { WorkerData } from '../../../device/journal/worker.js';

/** A worker thread without a thread. A test decides when it opens, replies and exits. */
export class FakeWorker extends EventEmitter {
  readonly requests: Request[] = [];
  /** Whether it does not end when it must, like a thread that waits for the disk. */
  isStuck = false;

  constructor(readonly data: WorkerData) {
    super();
  }

  /** Whether it must end. */
  get isEnded(): boolean {
    return Atomics.load(this.data.ending, 0) !== 0;
  }

  postMessage(request: Request | typeof WAKE): void {
    if (!request) {
      if (!this.isStuck) this.exit(0);
      return;
    }
    this.requests.push(request);
    if (request.method !== 'close') return;
    queueMicrotask(() => {
      this.reply({ id: request.id, ok: true, value: undefined });
      this.exit(0);
    });
  }

  open(): void {
    this.reply({ id: OPENING, ok: true, value: { setAside: null, framesAside: null, dropped: 0 } });
  }

  /** Answers the oldest request. */
  answer(value: unknown = undefined): void {
    this.reply({ id: this.requests.shift()?.id ?? -1, ok: true, value });
  }

  reply(reply: Reply): void {
    this.emit('message', reply);
  }

  exit(code: number): void {
    this.emit('exit', code);
  }
}

/** Starts fake workers, and keeps them in order. */
export const fakeWorkers = () => {
  const workers: FakeWorker[] = [];
  const startWorker: StartWorker = (_entry, { workerData }) => {
    const worker = new FakeWorker(workerData as WorkerData);
    workers.push(worker);
    return worker as unknown as Worker;
  };
  const latest = (): FakeWorker => {
    const worker = workers.at(-1);
    if (!worker) throw new Error('no worker was started');
    return worker;
  };
  return { workers, latest, startWorker };
};
