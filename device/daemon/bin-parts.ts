import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Policy } from '../cycle/policy.js';
import type { Camera } from '../hardware/camera/camera.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { messageOf, SortbinError } from '../kit/errors.js';
import type { Service } from '../kit/service.js';
import type { EmbeddedBroker, Publisher } from '../network/mqtt/mqtt.js';
import type { ModelSlot } from '../perception/model/model.js';
import { makeCamera } from '../wire/camera.js';
import { type Hardware, wireHardware } from '../wire/hardware.js';
import { openJournal } from '../wire/journal.js';
import type { LoadedConfig } from '../wire/loaded-config.js';
import { wireModel } from '../wire/model.js';
import { startBroker, wirePublisher } from '../wire/publisher.js';
import { type UpdatesOff, type WiredUpdates, wireUpdates } from '../wire/update.js';
import type { ServiceList } from './service-list.js';

/** The parts of a bin that the cycle and the observers use. */
export interface BinParts {
  readonly dataDir: string;
  readonly journal: Journal;
  readonly hardware: Hardware;
  readonly camera: Camera;
  readonly model: ModelSlot<Policy>;
  /** Not started yet. */
  readonly updates: WiredUpdates | UpdatesOff;
  /** null: the bin uses a broker on the network. */
  readonly broker: EmbeddedBroker | null;
  /** URL of the broker. */
  readonly url: string;
  /** Not connected yet. */
  readonly publisher: Publisher;
}

/** Starts the parts that the configuration selects, in this order. @throws like `ServiceList.start` */
export const startParts = async (
  loaded: LoadedConfig,
  clock: Clock,
  services: ServiceList,
  onFatal: (error: unknown) => void,
  signal: AbortSignal,
): Promise<BinParts> => {
  const { config, folder, log } = loaded;
  const { mqtt } = config;
  const dataDir = resolve(folder, config.dataDir);
  const journal = await services.open('journal', signal, (inner) =>
    openJournal({ config, dataDir, clock, log, onFatal }, inner),
  );
  const hardware = await services.open('hardware', signal, (inner) =>
    wireHardware({ config, folder, dataDir, clock, log }, inner),
  );
  const camera = await services.open('camera', signal, () => makeCamera(loaded, clock));
  startCamera(camera, log, signal);
  const model = wireModel(loaded, clock);
  const updates = await wireUpdates(loaded, { dataDir, journal, model, clock });
  if (updates.off === null) await services.open('update client', signal, async () => updates);
  await services.start(updates.off === null ? startedBy(updates, model) : model, signal);
  const broker =
    mqtt.url === null
      ? await services.open('embedded broker', signal, () => startBroker(mqtt.embedded, clock, log))
      : null;
  const url = mqtt.url ?? broker?.url ?? '';
  const publisher = await services.open('publisher', signal, async () =>
    wirePublisher(loaded, { url, isEmbedded: broker !== null }, journal, clock),
  );
  return { dataDir, journal, hardware, camera, model, updates, broker, url, publisher };
};

/** The model that updates choose. */
const startedBy = ({ updater }: WiredUpdates, model: ModelSlot<Policy>): Service => ({
  name: model.name,
  start: (signal) => updater.startModel((bundle, inner) => model.startWith(bundle, inner), signal),
  // The start is counted before the model starts. A stop from then on is no crash of the bundle.
  stop: async () => {
    await updater.stop();
    await model.stop();
  },
});

/**
 * Starts the camera, without waiting for it. A bin also starts without one: the camera keeps trying, and its health
 * reports the fault.
 */
const startCamera = (camera: Camera, log: Logger, signal: AbortSignal): void => {
  camera.start(signal).catch((error: unknown) => {
    if (!(error instanceof SortbinError) && !signal.aborted)
      log.error({ err: error, part: 'camera' }, messageOf(error));
  });
};
