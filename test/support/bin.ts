import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import type { Journalled, Observer } from '../../device/cycle/observer.js';
import type { Progress } from '../../device/cycle/progress.js';
import { Runner } from '../../device/cycle/runner.js';
import type { Limits } from '../../device/cycle/state.js';
import type { ServingModel } from '../../device/cycle/work.js';
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
  /** Reads an image. With a simulated clock, images come from memory, because reading a disk takes real time. */
  readonly read?: (path: string) => Promise<Uint8Array>;
  readonly vision?: Vision;
  /** The model that serves; by default `vision` with a policy of its labels. */
  readonly model?: ServingModel;
  readonly gate?: Gate;
  readonly moves?: readonly GateStep[];
  readonly journal?: Journal;
  readonly limits?: Partial<Limits>;
  readonly light?: Light;
  readonly fill?: Pick<Fill, 'levels'>;
  readonly progress?: Progress;
  readonly log?: Logger;
}

/** Makes a complete cycle with simulated parts. A test may replace each part. `trigger.fire()` simulates an item. */
export const makeBin = (replaced: BinParts) => {
  const { clock } = replaced;
  const trigger = new SimulatedTrigger({ script: [], repeat: false, clock, newId });
  const script = replaced.pictures ?? [{ picture: 'paper/paper18.jpg' }];
  const read = replaced.read ? { read: replaced.read } : {};
  const simulated = new SimulatedGate({ script: replaced.moves ?? [], moveMs: 5, clock });
  const parts = {
    trigger,
    camera:
      replaced.camera ?? new SimulatedCamera({ folder: SAMPLES, script, delayMs: 5, clock, newId, ...read }),
    vision:
      replaced.vision ??
      new SimulatedVision({
        script: [{ label: 'paper', confidence: 0.98 }],
        labels: ['paper', 'trash'],
        clock,
      }),
    gate: replaced.gate ?? simulated,
    ...(replaced.light ? { light: replaced.light } : {}),
    ...(replaced.fill ? { fill: replaced.fill } : {}),
    ...(replaced.progress ? { progress: replaced.progress } : {}),
    journal: replaced.journal ?? new SimulatedJournal(),
    clock,
    newId,
    log: replaced.log ?? quiet,
  };
  const { vision } = parts;
  const model: ServingModel = replaced.model ?? {
    use: (work) => work({ vision, policy: somePolicy() }),
  };
  const journalled: Journalled[] = [];
  let observer: Observer = {};
  const fatal: unknown[] = [];
  const health: string[] = [];
  const runner = new Runner(
    { ...parts, model },
    { whenFull: 'fallback', bin: 'test', limits: { ...LIMITS, ...replaced.limits } },
    {
      phase: (phase) => observer.phase?.(phase),
      event: (event, finished) => {
        if (finished) journalled.push({ event, finished });
        observer.event?.(event, finished);
      },
      unrecorded: (count) => observer.unrecorded?.(count),
      health: (part, fault) => health.push(`${part}:${fault?.code ?? 'ok'}`),
    },
    (error) => fatal.push(error),
  );
  const watch = (other: Observer) => {
    observer = other;
  };
  return { runner, trigger, parts, journalled, health, watch, fatal };
};
