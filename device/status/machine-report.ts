import { z } from 'zod';
import type { MachineReadings } from '../hardware/machine/machine.js';
import type { Clock } from '../kit/clock.js';

const space = z
  .object({
    freeBytes: z.number().meta({ description: 'What is available', unit: 'bytes' }),
    totalBytes: z.number().meta({ description: 'Size', unit: 'bytes' }),
  })
  .nullable();

/** The newest readings of the machine. null: it has no such sensor, or none was read yet. */
export const machineReportSchema = z.object({
  temperatureC: z.number().nullable().meta({ description: 'Temperature of the processor', unit: '°C' }),
  isUnderVoltage: z
    .boolean()
    .nullable()
    .describe('Whether the supply voltage is too low; only a Raspberry Pi measures it'),
  isThrottled: z
    .boolean()
    .nullable()
    .describe('Whether the firmware slows the processor; only a Raspberry Pi reports it'),
  memory: space.describe('Memory that is available without swapping, and in all'),
  disk: space.describe('The disk of `dataDir`, for users without privileges'),
  clock: z.enum(['synchronised', 'free']).describe('`free`: no time source has set the clock yet'),
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
