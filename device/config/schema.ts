import { z } from 'zod';
import { camera, gate, trigger, vision } from './drivers.js';
import { fill } from './fill.js';
import { lines } from './lines.js';
import { mqtt } from './mqtt.js';
import { panel } from './panel.js';
import { bin, cycle, dataDir, journal, log, model } from './parts.js';
import { policy } from './policy.js';

/**
 * The whole configuration: types, validation, JSON Schema and reference page come from here. Every key has a default,
 * so that `{}` is complete; unknown keys are refused; each `describe` text is what the reference page says.
 */
export const configSchema = z
  .strictObject({
    bin,
    dataDir,
    model,
    vision,
    lines,
    trigger,
    camera,
    gate,
    fill,
    panel,
    policy,
    cycle,
    journal,
    mqtt,
    log,
  })
  .describe('Configuration of the sorting bin');

export type Config = z.infer<typeof configSchema>;

// Each room is given its own part, never the whole.
/** @public */
export type BinConfig = Config['bin'];
/** @public */
export type ModelConfig = Config['model'];
/** @public */
export type VisionConfig = Config['vision'];
/** @public */
export type TriggerConfig = Config['trigger'];
/** @public */
export type CameraConfig = Config['camera'];
/** @public */
export type GateConfig = Config['gate'];
/** @public */
export type PolicyConfig = Config['policy'];
/** @public */
export type CycleConfig = Config['cycle'];
/** @public */
export type JournalConfig = Config['journal'];
/** @public */
export type MqttConfig = Config['mqtt'];
export type LogConfig = Config['log'];
