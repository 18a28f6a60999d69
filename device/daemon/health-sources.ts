import type { Status } from '../status/status.js';
import type { BinParts } from './bin-parts.js';
import type { GateLock } from './gate-lock.js';
import { HealthHub } from './health-hub.js';
import type { ObserverList } from './observer-list.js';

/** Connects all sources of faults, and starts the fill sensors. */
export const connectHealth = (
  { journal, hardware, camera, model, updates, publisher }: BinParts,
  gateLock: GateLock,
  status: Status,
  observers: ObserverList,
): HealthHub => {
  const health = new HealthHub(status, observers);
  health.connect('journal', journal);
  health.connect('journal', journal.setAside, 'set aside');
  health.connect('lines', hardware.lines);
  health.connect('sensor', hardware.trigger);
  health.connect('camera', camera);
  health.connect('vision', model);
  connectUpdates(health, updates);
  health.connect('gate', gateLock.health, 'lock');
  health.connect('broker', publisher);
  health.connect('broker', publisher.delivery, 'delivery');
  hardware.fillParts?.fill.onChange((level) => {
    observers.fill(level);
    health.report(`fill-${level.compartment}`, level.fault, 'fill');
  });
  hardware.fillParts?.fill.start();
  return health;
};

const connectUpdates = (health: HealthHub, updates: BinParts['updates']): void => {
  if (updates.off === null) {
    health.connect('updates', updates.updater);
    health.report('updates', updates.rootFault, 'root');
  } else if (updates.areMissed) health.report('updates', updates.off, 'store');
};
