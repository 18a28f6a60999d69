import type { Command } from 'commander';
import { plainLines } from '../../kit/plain-text.js';
import { textOf } from '../../update/bundle-id.js';
import { isSame } from '../../update/choice.js';
import type { BundleEntry, BundleList } from '../../update/status.js';
import { table } from '../bench/render.js';
import { bytesText, type Check, fact } from '../doctor/doctor.js';
import { renderFacts } from '../doctor/render.js';
import { askBin, type BinFlags, binCommand } from './bin-commands.js';
import { checkedText, rejectedText, revokedText, stateOf } from './bundle-state.js';
import { localTime } from './local-time.js';
import { terminalStyle } from './report.js';

export const listCommand = (): Command =>
  binCommand(
    'list',
    'list the installed and published bundles, with what was checked, and why some were rejected',
  ).action(async (flags: BinFlags) => {
    const list = (await askBin({ command: 'model.list' }, flags)) as BundleList | undefined;
    if (!list || flags.json) return;
    const rows = list.bundles.map((entry) => [
      textOf(entry),
      entry.bytes === null ? '' : bytesText(entry.bytes),
      stateOf(entry),
    ]);
    process.stdout.write(`${plainLines(table(['bundle', 'size', 'state'], rows))}\n`);
    const checks = detailsOf(list);
    if (checks.length > 0)
      process.stdout.write(`\n${renderFacts({ title: 'details', checks, exitCode: 0 }, terminalStyle())}`);
  });

/** Returns what the table has no room for. */
export const detailsOf = ({ bundles, unusable, fault, last }: BundleList): Check[] => [
  ...(fault ? [fact('fault', `${fault.code}: ${fault.message}`)] : []),
  ...bundles.flatMap((entry) => detailsOfEntry(entry, last)),
  ...unusable.map(({ path, reason }) => fact(path, `published, but not usable: ${reason}`)),
];

const detailsOfEntry = (entry: BundleEntry, last: BundleList['last']): Check[] => {
  const { rejection, revoked, checked, isCurrent } = entry;
  const hasFailed = last?.event === 'failed' && isSame(last.bundle, entry);
  return [
    ...(rejection ? [`rejected ${rejectedText(rejection)}`] : []),
    ...(revoked ? [`revoked ${revokedText(revoked)}`] : []),
    ...(hasFailed ? [`the last attempt failed ${localTime(last.at)}, ${last.code}: ${last.reason}`] : []),
    ...(isCurrent && checked ? [`checked ${checkedText(checked)}`] : []),
  ].map((text) => fact(textOf(entry), text));
};
