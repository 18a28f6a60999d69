import type { Logger } from 'pino';
import { messageOf, SortbinError } from '../kit/errors.js';
import { textOf } from './bundle-id.js';
import { chooseStartOrder } from './choice.js';
import type { MachineRunner } from './machine-runner.js';
import type { BundleStore } from './store/store.js';

/**
 * Starts the model of the current bundle, else of the previous one, else of the factory bundle. The machine receives the
 * failures only if one of them starts.
 * @throws what `open` throws for the last bundle
 */
export const startFirstModel = async <T>(
  runner: MachineRunner,
  { store, log }: { readonly store: BundleStore; readonly log: Logger },
  open: (folder: string, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> => {
  const failures = [];
  for (const bundle of chooseStartOrder(runner.state)) {
    try {
      const model = await open(store.folderOf(bundle), signal);
      await runner.take({ type: 'started', bundle, failures });
      return model;
    } catch (thrown) {
      signal.throwIfAborted();
      if (bundle === null) throw thrown;
      const isWhole = (await store.verify(bundle)).ok;
      const known = thrown instanceof SortbinError ? thrown.code : 'update-failed';
      const code = isWhole ? known : 'bundle-damaged';
      const message = messageOf(thrown);
      failures.push({ bundle, fault: { code, message } });
      log.warn(
        { part: 'update', bundle: textOf(bundle), code, reason: message },
        'update: a model did not start',
      );
    }
  }
  throw new Error('no bundle to start');
};
