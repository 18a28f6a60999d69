import type { Step } from './setup.js';
import { binStep } from './steps/bin.js';
import { brokerStep } from './steps/broker.js';
import { cameraStep } from './steps/camera.js';
import { compartmentsStep } from './steps/compartments.js';
import { gateStep } from './steps/gate.js';
import { sensorStep } from './steps/sensor.js';
import { testItemStep } from './steps/test-item.js';

/** All steps, in their order. The gate follows the compartments, because it needs a route to each of them. */
export const STEPS: readonly Step[] = [
  binStep,
  cameraStep,
  sensorStep,
  compartmentsStep,
  gateStep,
  brokerStep,
  testItemStep,
];
