import type { Clock } from '../../kit/clock.js';
import type { NewId } from '../../kit/ids.js';
import type { Trigger } from './trigger.js';

/** What every trigger is made with. */
export interface TriggerContext {
  readonly clock: Clock;
  readonly newId: NewId;
}

/** A trigger of the moment `atMs` (monotonic), now where it is left out. It is never ahead of the clock. */
export const makeTrigger = (source: string, { clock, newId }: TriggerContext, atMs = Infinity): Trigger => {
  const nowMs = clock.monotonicMs();
  const ageMs = Math.max(0, nowMs - atMs);
  return { id: newId(), source, atMs: nowMs - ageMs, wallMs: Math.round(clock.wallMs() - ageMs) };
};
