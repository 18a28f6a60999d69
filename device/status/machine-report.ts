import { z } from 'zod';
import type { MachineReadings } from '../hardware/machine/machine.js';
import type { Clock } from '../kit/clock.js';

const space = z.object({ freeBytes: z.number(), totalBytes: z.number() }).nullable();

/** The newest readings of the machine. null: it has no such sensor, or none was read yet. */
export const machineReportSchema = z.object({
  temperatureC: z.number().nullable(),
  isUnderVoltage: z.boolean().nullable(),
  isThrottled: z.boolean().nullable(),
  memory: space,
  disk: space,
  clock: z.enum(['synchronised', 'free']),
});
export type MachineReport = z.infer<typeof machineReportSchema>;

const UNKNOWN: MachineReadings = {
  temperatureC: null,
  isUnderVoltage: null,
  isThrottled: null,
  memory: null,
  disk: null,
};

export const machineReport = (
  readings: MachineReadings | null,
  clock: Pick<Clock, 'synchronised'>,
): MachineReport => ({
  ...(readings ?? UNKNOWN),
  clock: clock.synchronised() ? 'synchronised' : 'free',
});
