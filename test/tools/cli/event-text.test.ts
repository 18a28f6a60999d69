import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BinEvent } from '../../../device/cycle/event.js';
import { eventText } from '../../../device/tools/cli/event-text.js';
import { anEvent } from '../../support/event.js';

const decided = (
  label: string,
  confidence: number,
  reason: string,
  compartment: string | null,
): Pick<BinEvent, 'decision' | 'scores'> => ({
  decision: { compartment, label, confidence, reason },
  scores: { [label]: confidence },
});

/** Changes of an event, with the text that explains it. */
const EXPLAINED: readonly (readonly [text: string, changes: Partial<BinEvent>])[] = [
  ['paper 0.98 -> paper', {}],
  ['paper 0.84 below 0.91 -> residual', decided('paper', 0.841, 'low-confidence', 'residual')],
  ['paper 0.90 below 0.91 -> residual', decided('paper', 0.9099, 'low-confidence', 'residual')],
  [
    'paper 0.93, lead 0.87 below 0.90 -> residual',
    { ...decided('paper', 0.934, 'narrow-margin', 'residual'), scores: { paper: 0.934, trash: 0.06 } },
  ],
  ['shoes 0.95, unfamiliar -> residual', decided('shoes', 0.95, 'unfamiliar', 'residual')],
  ['metal 0.95, full -> residual', decided('metal', 0.95, 'compartment-full', 'residual')],
  ['refused: battery 0.99, hazard', { ...decided('battery', 0.99, 'hazard', null), outcome: 'refused' }],
  [
    'paper 0.84 low confidence -> residual',
    { ...decided('paper', 0.84, 'low-confidence', 'residual'), thresholds: null },
  ],
  [
    'failed: camera-missing',
    {
      outcome: 'failed',
      decision: { compartment: null, label: null, confidence: null, reason: 'camera-down' },
      fault: { code: 'camera-missing', message: 'no camera' },
    },
  ],
  [
    'failed: paper 0.98 -> paper: gate-jammed',
    { outcome: 'failed', fault: { code: 'gate-jammed', message: 'no movement' } },
  ],
  [
    'interrupted',
    { outcome: 'interrupted', decision: null, fault: { code: 'interrupted', message: 'a power cut' } },
  ],
  [
    'interrupted: stopped',
    { outcome: 'interrupted', decision: null, fault: { code: 'stopped', message: '' } },
  ],
  ['ignored: 3 triggers while busy', { outcome: 'ignored', decision: null, count: 3 }],
  ['ignored: 1 trigger while busy', { outcome: 'ignored', decision: null, count: 1 }],
  ['emptied: glass', { outcome: 'emptied', decision: null, compartment: 'glass' }],
  ['wrong: item id-7', { outcome: 'disputed', decision: null, item: 'id-7' }],
];

describe('the text of an event', () => {
  for (const [text, changes] of EXPLAINED) it(text, () => assert.equal(eventText(anEvent(changes)), text));
});
