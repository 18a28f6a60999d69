import { orAborted } from '../../kit/deadline.js';
import { type Answer, type Fault, failed } from '../../kit/errors.js';
import type { Input, LineFault, Off, OffReason } from '../lines/lines.js';
import type { GateFault } from './gate.js';

/** What a fault of a line is to the gate; the line's message says which one, and what to do. */
export const toGateFault = ({ code, message }: Fault<LineFault>) =>
  failed<GateFault>(code === 'line-guarded' ? 'gate-guarded' : 'gate-failed', message);

const UNASKED: Record<OffReason, string> = {
  command: 'somebody else turned it off',
  time: 'its time was over',
  bound: 'it reached the bound of its time; a move has to take less',
  lease: 'the daemon did not renew its lease in time',
  guard: 'a guard became active',
  gone: 'its chip was unplugged',
  down: 'what drives the lines died',
};

/** The fault in how `name` went off; null where that was as meant. */
export const unexpectedOffFault = (name: string, answer: Answer<Off, LineFault>, meant: readonly OffReason[]) => {
  if (!answer.ok) return toGateFault(answer.fault);
  const { reason } = answer.value;
  if (meant.includes(reason)) return null;
  return failed<GateFault>(
    reason === 'guard' ? 'gate-guarded' : 'gate-failed',
    `"${name}" went off during the move: ${UNASKED[reason]}`,
  );
};

/** The fault where a guard is active, or cannot be read; null: none is. */
export const findGuardFault = async (guards: readonly Input[], signal: AbortSignal) => {
  for (const guard of guards) {
    const active = await orAborted(guard.active(), signal);
    if (!active.ok) return toGateFault(active.fault);
    if (active.value)
      return failed<GateFault>(
        'gate-guarded',
        `the gate cannot come home while its guard "${guard.name}" is active; clear what it sees`,
      );
  }
  return null;
};
