import type { UpdateStatus } from '../../../device/update/status.js';
import { FACTORY } from './bundles.js';

/** The status of a bin with its factory bundle, on which nothing has happened. */
export const someStatus = (replaced: Partial<UpdateStatus> = {}): UpdateStatus => ({
  phase: 'idle',
  current: FACTORY,
  isFactory: true,
  previous: null,
  candidate: null,
  progress: null,
  available: null,
  isPinned: false,
  rejected: [],
  last: null,
  checkedAtMs: null,
  fault: null,
  ...replaced,
});
