import type { FaultTexts } from './fault-text.js';

type MachineCode =
  | 'machine-hot'
  | 'machine-throttled'
  | 'machine-under-voltage'
  | 'memory-low'
  | 'disk-low'
  | 'clock-wrong';

/** Faults of the machine that the daemon runs on. */
export const MACHINE_FAULTS: FaultTexts<MachineCode> = {
  'machine-hot': {
    meaning: 'The processor has 80 °C or more. It becomes slower.',
    cure: 'Add a heat sink or a fan, and let air into the case.',
  },
  'machine-throttled': {
    meaning: 'The firmware of the Raspberry Pi makes the processor slower, because of heat or low voltage.',
    cure: 'Cool the board. Check the power supply.',
  },
  'machine-under-voltage': {
    meaning: 'The supply voltage of the Raspberry Pi is below 4.63 V. The SD card may be damaged.',
    cure: 'Use the official power supply, and a short cable.',
  },
  'memory-low': {
    meaning: 'Less than 48 MB of memory are available.',
    cure: 'Stop other programs. Use `vision.runtime: tflite`, which needs the least.',
  },
  'disk-low': {
    meaning: 'Less than 200 MB of the disk are free, or less than 5 % of a small disk.',
    cure: 'Free some space, or lower `journal.frames.maxBytes`.',
    page: 'troubleshooting.md#the-disk-is-full',
  },
  'clock-wrong': {
    meaning: 'The clock is earlier than this program. Events have a wrong time.',
    cure: 'Connect the bin to a network with a time server, or add a clock chip.',
  },
};
