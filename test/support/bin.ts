import { join } from 'node:path';
import { pino } from 'pino';
import { type Journalled, Runner, type RunnerObserver } from '../../device/cycle/runner.js';
import type { Limits } from '../../device/cycle/state.js';
import type { Camera } from '../../device/hardware/camera/camera.js';
import { type CameraStep, SimulatedCamera } from '../../device/hardware/camera/simulated-camera.js';
import type { Fill } from '../../device/hardware/fill/fill.js';
import type { Gate } from '../../device/hardware/gate/gate.js';
import { type GateStep, SimulatedGate } from '../../device/hardware/gate/simulated-gate.js';
import type { Light } from '../../device/hardware/panel/panel.js';
import { SimulatedTrigger } from '../../device/hardware/trigger/simulated-trigger.js';
import type { Journal } from '../../device/journal/journal.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import type { Clock } from '../../device/kit/clock.js';
import { newId } from '../../device/kit/ids.js';
import { packageRoot } from '../../device/kit/root.js';
import { SimulatedVision } from '../../device/perception/vision/simulated-vision.js';
import type { Vision } from '../../device/perception/vision/vision.js';
import { LIMITS, somePolicy } from './cycle.js';

export const SAMPLES = join(packageRoot(), 'test/samples');
export const FACTORY_BUNDLE = join(packageRoot(), 'deploy/model');
export const quiet = pino({ level: 'silent' });

export interface BinParts {
  readonly clock: Clock;
  readonly camera?: Camera;
  readonly pictures?: readonly CameraStep[];
  /** Pictures from memory: the disk's time is not a simulated clock's. */
  readonly read?: (path: string) => Promise<Uint8Array>;
  readonly vision?: Vision;
  readonly gate?: Gate;
  readonly moves?: readonly GateStep[];
  readonly journal?: Journal;
  readonly limits?: Partial<Limits>;
  readonly light?: Light;
  readonly fill?: Pick<Fill, 'levels'>;
}

/** A whole cycle with simulated parts, any of which a test replaces; `fire` on its trigger is an item. */
export const makeBin = (given: BinParts) => {
  const { clock } = given;
  const trigger = new SimulatedTrigger({ script: [], repeat: false, clock, newId });
  const script = given.pictures ?? [{ picture: 'paper/paper18.jpg' }];
  const read = given.read ? { read: given.read } : {};
  const simulated = new SimulatedGate({ script: given.moves ?? [], moveMs: 5, clock });
  const parts = {
    trigger,
    camera:
      given.camera ?? new SimulatedCamera({ folder: SAMPLES, script, delayMs: 5, clock, newId, ...read }),
    vision:
      given.vision ??
      new SimulatedVision({
        script: [{ label: 'paper', confidence: 0.98 }],
        labels: ['paper', 'trash'],
        clock,
      }),
    gate: given.gate ?? simulated,
    ...(given.light ? { light: given.light } : {}),
    ...(given.fill ? { fill: given.fill } : {}),
    journal: given.journal ?? new SimulatedJournal(),
    clock,
    newId,
    log: quiet,
  };
  const journalled: Journalled[] = [];
  let watcher: RunnerObserver = {};
  const health: string[] = [];
  const runner = new Runner(
    parts,
    { whenFull: 'fallback', bin: 'test', policy: somePolicy(), limits: { ...LIMITS, ...given.limits } },
    {
      phase: (phase) => watcher.phase?.(phase),
      journalled: (one) => {
        journalled.push(one);
        watcher.journalled?.(one);
      },
      reported: (event) => watcher.reported?.(event),
      health: (part, fault) => health.push(`${part}:${fault?.code ?? 'ok'}`),
    },
  );
  const watch = (other: RunnerObserver) => {
    watcher = other;
  };
  return { runner, trigger, parts, journalled, health, watch };
};
