import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Answer, Fault } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { textOf } from '../../../device/update/bundle-id.js';
import type { Catalogue, TargetFile } from '../../../device/update/repository/repository.js';
import { type RepositoryLimits, TufRepository } from '../../../device/update/repository/tuf-repository.js';
import { type RepositoryServer, serveRepository } from './repository-server.js';
import { START_MS, TestRepository } from './test-repository.js';

/** A bin with a repository on a loopback server. The bin trusts its root. */
export interface UpdateClient {
  readonly repo: TestRepository;
  readonly server: RepositoryServer;
  readonly folder: string;
  readonly clock: SimulatedClock;
  readonly client: TufRepository;
  readonly signal: AbortSignal;
  /** Returns a client of the same folder, as after a restart. */
  restart(options?: ClientOptions): TufRepository;
}

interface ClientOptions {
  readonly clock?: SimulatedClock;
  readonly url?: URL;
  readonly builtAtMs?: number;
  readonly limits?: Partial<RepositoryLimits>;
}

export const BUNDLE = {
  'manifest.json': '{"name":"waste12"}',
  'labels.txt': 'glass\npaper\n',
  'golden/inputs.json': '[]',
  'model.tflite': Buffer.alloc(100_000, 'model'),
} as const;

export const makeUpdateClient = async (
  t: TestContext,
  options: ClientOptions = {},
): Promise<UpdateClient> => {
  const repo = new TestRepository();
  repo.add('waste12/1.4.0', BUNDLE);
  repo.publish();
  const server = await serveRepository(repo.files);
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-update-'));
  const clock = options.clock ?? new SimulatedClock();
  const restart = (more: ClientOptions = {}) =>
    new TufRepository({
      folder: join(folder, 'metadata'),
      url: server.url,
      builtAtMs: START_MS,
      clock,
      ...options,
      ...more,
    });
  t.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const client = restart();
  await client.trustRoot(repo.rootJson);
  return { repo, server, folder, clock, client, signal: new AbortController().signal, restart };
};

/** Returns the fault of an answer. */
export const faultOf = (answer: Answer<unknown>): Fault => {
  if (!answer.ok) return answer.fault;
  throw new Error('no fault');
};

/** Returns the ids of the bundles of a catalogue. */
export const bundlesOf = (catalogue: Catalogue | null): string[] => (catalogue?.bundles ?? []).map(textOf);

/** Returns the model of a bundle: `BUNDLE` has one of 100,000 bytes. */
export const modelOf = (catalogue: Catalogue, id = 'waste12@1.4.0'): TargetFile => {
  const bundle = catalogue.bundles.find((one) => textOf(one) === id);
  const model = bundle?.files.find(({ file }) => file === 'model.tflite');
  if (!model) throw new Error(`${id}: no model`);
  return model;
};

/** Moves time in steps until the promise settles. Sockets get their turn between two steps. */
export const advanceUntilSettled = async <T>(
  clock: SimulatedClock,
  promise: Promise<T>,
  stepMs = 100,
): Promise<T> => {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  while (!isSettled) await clock.advance(stepMs);
  return promise;
};
