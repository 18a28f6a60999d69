import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventBody } from '../../../device/cycle/event.js';
import { Store } from '../../../device/journal/store.js';
import { newId } from '../../../device/kit/ids.js';
import { anEvent } from '../event.js';

/** A file system in memory, where a sync takes no time. */
const MEMORY = '/dev/shm';
const UNLIMITED = 1_000_000;

/** An event of the usual size. */
const sortedEvent = () => {
  const id = newId();
  const {
    epoch: _epoch,
    seq: _seq,
    ...body
  } = anEvent({
    id,
    bin: 'bin',
    scores: { paper: 0.984, cardboard: 0.009, plastic: 0.006 },
    unfamiliar: { score: -1.72, flag: false },
    model: { name: 'waste12', version: '1.3.0' },
    runtime: { name: 'tflite', backend: 'xnnpack-litert-2.3', threads: 1 },
    frame: { id, capturedAt: '2026-01-01T00:00:00.000Z', region: [0, 0, 512, 384], views: [1, 0.9] },
    timingsMs: {
      capture: 34.8,
      decode: 5,
      region: 6.2,
      invoke: 46.8,
      decide: 0,
      gateMove: 800.6,
      total: 893.4,
    },
  });
  return { id, body };
};

/** Creates a journal in a folder, with events that wait for the broker. `changes` returns changes of event n, from 1. */
export const makeBacklog = (
  dataDir: string,
  count: number,
  changes: (seq: number) => Partial<EventBody> = () => ({}),
): void => {
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'sortbin-backlog-'));
  try {
    const limits = { maxEvents: UNLIMITED, maxOutbox: UNLIMITED, maxFrames: 0, maxFrameBytes: 0 };
    const store = Store.open({ dataDir: folder, ...limits });
    for (let seq = 1; seq <= count; seq++) {
      const { id, body } = sortedEvent();
      store.finish(id, { ...body, ...changes(seq) });
    }
    store.close();
    cpSync(folder, dataDir, { recursive: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
