import { orAborted } from '../../kit/deadline.js';
import { type Answer, type Fault, failed } from '../../kit/errors.js';
import type { Input, LineFault, Off, OffReason } from '../lines/lines.js';
import type { GateFault } from './gate.js';

/**
 * Converts a line fault to a gate fault. Keeps the message, which names the line and the fix, and the detail. A guard
 * blocks the whole gate, so `gate-guarded` has no detail: it stays the same fault from one output to the next.
 */
export const toGateFault = ({ code, message, detail }: Fault<LineFault>) =>
  code === 'line-guarded'
    ? failed<GateFault>('gate-guarded', message)
    : failed<GateFault>('gate-failed', message, detail);

const OFF_CAUSES: Record<OffReason, string> = {
  command: 'Another command turned it off.',
  time: 'Its on-time expired.',
  bound: 'Its maximum on-time expired. Configure a shorter move.',
  lease: 'The daemon did not renew the lease in time.',
  guard: 'A guard became active.',
  gone: 'Its chip was unplugged.',
  down: 'The driver of the lines stopped.',
};

/** Returns the fault if `name` was turned off for another reason than the expected ones, else null. */
export const unexpectedOffFault = (
  name: string,
  answer: Answer<Off, LineFault>,
  expected: readonly OffReason[],
) => {
  if (!answer.ok) return toGateFault(answer.fault);
  const { reason } = answer.value;
  if (expected.includes(reason)) return null;
  const message = `"${name}": turned off during the move. ${OFF_CAUSES[reason]}`;
  return reason === 'guard'
    ? failed<GateFault>('gate-guarded', message)
    : failed<GateFault>('gate-failed', message, name);
};

/** Returns the fault of the first guard that is active or unreadable, else null. */
export const findGuardFault = async (guards: readonly Input[], signal: AbortSignal) => {
  for (const guard of guards) {
    const active = await orAborted(guard.active(), signal);
    if (!active.ok) return toGateFault(active.fault);
    if (active.value)
      return failed<GateFault>(
        'gate-guarded',
        `gate: cannot return home while the guard "${guard.name}" is active. Close the lid or remove the obstacle.`,
      );
  }
  return null;
};
