import type { Rejection } from '../update/state.js';
import type { UpdateStatus } from '../update/status.js';

/** What `sortbin status` shows of updates. */
export interface UpdateSummary extends Omit<UpdateStatus, 'rejected' | 'fault'> {
  /** Whether `update.url` names a repository. */
  readonly hasRepository: boolean;
  readonly lastRejection: Rejection | null;
}

/** Summarises the state of updates. null: they are not configured, and have never been used. */
export const summaryOf = (
  { rejected, fault: _, ...status }: UpdateStatus,
  hasRepository: boolean,
): UpdateSummary | null => {
  if (!hasRepository && status.isFactory && status.last === null) return null;
  return { ...status, hasRepository, lastRejection: rejected.at(-1) ?? null };
};
