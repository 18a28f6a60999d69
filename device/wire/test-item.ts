import type { Policy } from '../cycle/policy.js';
import type { CycleOptions, Parts } from '../cycle/runner.js';
import { SimulatedJournal } from '../journal/simulated-journal.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import type { ModelSlot } from '../perception/model/model.js';
import { makeCamera } from './camera.js';
import { wireHardware } from './hardware.js';
import { cycleOptions, type LoadedConfig } from './loaded-config.js';
import { wireModel } from './model.js';

/** The parts of one test item: the configured hardware and model, a journal in memory, and a command as trigger. */
export interface WiredTestItem {
  readonly parts: Parts & { readonly model: ModelSlot<Policy> };
  readonly cycle: CycleOptions;
  /** Reports the item. */
  show(): void;
  /** Stops the parts and releases the lines. */
  close(): Promise<void>;
}

/**
 * Starts the parts. `scratch`: an empty folder, so that the data folder of the bin stays unchanged.
 * @throws SortbinError if a part cannot start. All parts are closed then
 */
export const wireTestItem = async (
  { config, folder, log }: LoadedConfig,
  scratch: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<WiredTestItem> => {
  const own: LoadedConfig['config'] = {
    ...config,
    trigger: { driver: 'command' },
    fill: { driver: 'none' },
  };
  const loaded = { config: own, folder, log };
  const model = wireModel(loaded, clock);
  const camera = await makeCamera(loaded, clock);
  const closers: (() => Promise<void>)[] = [() => model.stop(), () => camera.close()];
  const close = async () => {
    await Promise.all(closers.map((one) => one()));
  };
  try {
    const hardware = await wireHardware({ ...loaded, dataDir: scratch, clock }, signal);
    closers.push(() => hardware.close());
    await camera.start(signal);
    await model.start(signal);
    const { trigger, command, gate, panel } = hardware;
    const journal = new SimulatedJournal();
    return {
      parts: { trigger, camera, model, gate, journal, clock, newId, log, light: panel.light },
      cycle: cycleOptions(own),
      show: () => void command.fire('setup'),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
};
