import { parseConfig } from '../../device/config/load.js';
import { type Decision, makePolicy, type Policy, type PolicySettings } from '../../device/cycle/policy.js';
import type { Limits, Response } from '../../device/cycle/state.js';
import type { Frame } from '../../device/hardware/camera/camera.js';
import type { Trigger } from '../../device/hardware/trigger/trigger.js';
import type { Classification } from '../../device/perception/vision/vision.js';

export const LIMITS: Limits = {
  recordMs: 2_000,
  captureMs: 3_000,
  classifyMs: 3_000,
  moveMs: 10_000,
  homeMs: 10_000,
  levelMs: 1_000,
  homeRetryMs: 30_000,
  handsMs: 2_000,
  heldMs: 60_000,
  stillThereLimit: 3,
};

export const aTrigger = (id = 't1', atMs = 100): Trigger => ({
  id,
  source: 'beam',
  atMs,
  wallMs: 1_767_225_600_000,
});

export const aFrame = (capturedAtMs = 110): Frame => ({
  id: 'f1',
  bytes: new Uint8Array(4),
  capturedAtMs,
  capturedAtWallMs: 1_767_225_600_010,
});

export const aClassification = (
  scores: Record<string, number> = { paper: 0.96, trash: 0.04 },
): Classification => {
  const [label = '', confidence = 0] = Object.entries(scores).sort(([, a], [, b]) => b - a)[0] ?? [];
  return {
    label,
    confidence,
    scores,
    unfamiliar: { score: -6, flag: false },
    model: { name: 'test', version: '1.0.0', sha256: '0'.repeat(64) },
    runtime: { name: 'simulated', backend: 'script', threads: 1 },
    region: [0, 0, 512, 384],
    views: [1],
    timingsMs: { decode: 3, region: 0, invoke: 6 },
  };
};

export const classified = (compartment: string | null = 'paper'): Response => {
  const reason: Decision['reason'] = compartment ? 'confident' : 'hazard';
  return {
    kind: 'classified',
    classification: aClassification(),
    decision: { compartment, label: 'paper', confidence: 0.96, reason },
    thresholds: { confidence: 0.74, margin: 0.66, hazardConfidence: 0.5 },
    decideMs: 0.1,
  };
};

/** The labels of the factory model. */
export const LABELS =
  'battery biological brown-glass cardboard clothes green-glass metal paper plastic shoes trash white-glass'.split(
    ' ',
  );

/** Returns the policy of the factory model with four compartments, changed by `settings`. */
export const somePolicy = (settings: Partial<PolicySettings> = {}): Policy =>
  makePolicy({ ...parseConfig('', 'defaults').policy, ...settings }, LABELS, {
    confidence: 0.74,
    margin: 0.66,
  });
