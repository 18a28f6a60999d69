import type { UpdateSummary } from '../../daemon/update-summary.js';
import { textOf } from '../../update/bundle-id.js';
import { bytesText, type Check, fact } from '../doctor/doctor.js';
import { localTime } from './local-time.js';

/** Returns the rows of `sortbin status` about updates. null: updates are not configured. */
export const updateRows = (update: UpdateSummary | null): Check[] => {
  if (!update) return [];
  const { current, isFactory, isPinned, phase, lastRejection, last, hasRepository, checkedAtMs } = update;
  const marks = [isFactory && 'factory bundle', phase === 'watching' && 'under watch', isPinned && 'pinned'];
  const work = workText(update);
  return [
    fact('model', [textOf(current), ...marks.filter((mark) => mark !== false)].join(', ')),
    ...(work === null ? [] : [fact('update', work)]),
    ...(lastRejection ? [note('rejected', lastRejection, textOf(lastRejection))] : []),
    ...(last && (last.event === 'returned' || last.event === 'failed')
      ? [note(last.event, last, textOf(last.bundle ?? current))]
      : []),
    ...(hasRepository ? [fact('repository', checkedText(checkedAtMs))] : []),
  ];
};

const workText = ({ phase, candidate, progress, isPinned }: UpdateSummary): string | null => {
  if (!candidate) return null;
  const bundle = textOf(candidate);
  if (phase !== 'ready') return `${phase} ${bundle}${progress ? `, ${progressText(progress)}` : ''}`;
  return isPinned
    ? `${bundle} is ready, and waits for sortbin model activate ${bundle}`
    : `${bundle} is ready, and waits for its activation`;
};

const progressText = ({ bytes, totalBytes }: NonNullable<UpdateSummary['progress']>): string =>
  `${totalBytes === 0 ? 100 : Math.floor((100 * bytes) / totalBytes)} % of ${bytesText(totalBytes)}`;

/** What happened to a bundle is worth a look, but the bin sorts on. */
const note = (
  name: string,
  { at, code, reason }: { readonly at: string; readonly code: string | null; readonly reason: string | null },
  bundle: string,
): Check => ({
  name,
  status: 'note',
  text: `${[bundle, localTime(at), code].filter((part) => part !== null).join(', ')}: ${reason ?? ''}`,
});

const checkedText = (checkedAtMs: number | null): string =>
  checkedAtMs === null
    ? 'not checked since the start'
    : `last checked ${localTime(new Date(checkedAtMs).toISOString())}`;
