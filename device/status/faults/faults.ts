import { BROKER_FAULTS } from './broker.js';
import { CAMERA_FAULTS } from './camera.js';
import type { FaultText, FaultTexts } from './fault-text.js';
import { GATE_FAULTS } from './gate.js';
import { JOURNAL_FAULTS } from './journal.js';
import { LINE_FAULTS } from './lines.js';
import { MACHINE_FAULTS } from './machine.js';
import { MODEL_FAULTS } from './model.js';
import { SERVICE_FAULTS } from './services.js';
import { REJECTIONS, UPDATE_FAULTS } from './update.js';

export type { FaultText } from './fault-text.js';

/** The fault codes of one subject. */
export interface FaultGroup {
  readonly title: string;
  readonly faults: FaultTexts;
  /** Follows the table of the group, as Markdown. */
  readonly note?: string;
}

/** All fault codes of a bin, with what they mean and what cures them. */
export const FAULT_GROUPS: readonly FaultGroup[] = [
  { title: 'Sensor, lines and panel', faults: LINE_FAULTS },
  {
    title: 'Camera and vision',
    faults: CAMERA_FAULTS,
    note: 'The faults whose code begins with `picture-` last until an image is classified.',
  },
  { title: 'Gate', faults: GATE_FAULTS },
  { title: 'Journal and daemon', faults: JOURNAL_FAULTS },
  { title: 'Machine', faults: MACHINE_FAULTS },
  { title: 'Broker', faults: BROKER_FAULTS },
  { title: 'HTTP server and control socket', faults: SERVICE_FAULTS },
  {
    title: 'Updates',
    faults: UPDATE_FAULTS,
    note: 'If the folder `models` in `dataDir` cannot be used, the bin sorts with its factory bundle.',
  },
  {
    title: 'Rejected bundles',
    faults: REJECTIONS,
    note: '`sortbin model list` shows the reason of each rejected bundle.',
  },
  { title: 'Model and runtimes', faults: MODEL_FAULTS },
];

const ALL: ReadonlyMap<string, FaultText> = new Map(
  FAULT_GROUPS.flatMap(({ faults }) => Object.entries(faults)),
);

/** All codes, in the order of the groups. */
export const faultCodes = (): readonly string[] => [...ALL.keys()];

/** Returns the text of a fault code, or null if it is unknown. */
export const explainFault = (code: string): FaultText | null => ALL.get(code) ?? null;
