import type { BundleDetails, BundleEntry } from '../../update/status.js';
import { bytesText, type Check, countText, fact } from '../doctor/doctor.js';
import { localTime } from './local-time.js';

/** Returns the state of a bundle in words: `active, under watch`. */
export const stateOf = (entry: BundleEntry): string =>
  [
    entry.isCurrent && 'active',
    entry.isPrevious && 'previous',
    entry.isFactory && 'factory',
    !entry.isInstalled && entry.isPublished && 'published',
    entry.isInstalled && !entry.isCurrent && !entry.isFactory && 'installed',
    entry.isCurrent && !entry.isTrusted && 'under watch',
    entry.rejection && 'rejected',
    entry.revoked && 'revoked',
    entry.hasOtherContent && 'published with other content',
  ]
    .filter(Boolean)
    .join(', ');

type Texts = Pick<BundleEntry, 'rejection' | 'revoked' | 'checked'>;

export const rejectedText = ({ at, code, reason }: NonNullable<Texts['rejection']>): string =>
  `${localTime(at)}, ${code}: ${reason}`;

export const revokedText = ({ at, reason }: NonNullable<Texts['revoked']>): string =>
  `${localTime(at)}: ${reason}`;

/** Describes the checks that a bundle has passed: one line for each runtime. */
export const checkedText = ({ at, runtimes }: NonNullable<Texts['checked']>): string =>
  [
    `${localTime(at)}: signature, files, labels and routes${runtimes.length > 0 ? ', memory' : ''}`,
    ...runtimes.map(({ title, itemMs, reason }) =>
      itemMs === null
        ? `${title}: not usable on this machine: ${reason}`
        : `${title}: golden samples passed, ${itemMs.toFixed(itemMs < 10 ? 1 : 0)} ms an item`,
    ),
    ...(runtimes.length > 0 ? [] : ['no runtime was tested, because the vision is simulated']),
  ].join('\n');

/** Describes a bundle of a bin, for people. */
export const describeEntry = (entry: BundleDetails): Check[] => {
  const { bytes, files, installedAt, checked, rejection, revoked, isInstalled } = entry;
  return [
    fact('state', stateOf(entry)),
    ...(installedAt === null ? [] : [fact('installed', localTime(installedAt))]),
    ...(checked ? [fact('checked', checkedText(checked))] : []),
    ...(rejection ? [fact('rejected', rejectedText(rejection))] : []),
    ...(revoked ? [fact('revoked', revokedText(revoked))] : []),
    ...(bytes === null
      ? []
      : [fact('size', `${bytesText(bytes)}${files ? ` in ${countText(files.length, 'file')}` : ''}`)]),
    ...(isInstalled || !files ? [] : [fact('files', filesText(files))]),
  ];
};

const filesText = (files: NonNullable<BundleDetails['files']>): string => {
  const width = Math.max(...files.map(({ file }) => file.length));
  return files.map(({ file, bytes }) => `${file.padEnd(width)}  ${bytesText(bytes).padStart(8)}`).join('\n');
};
