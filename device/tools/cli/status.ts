import type { Command } from 'commander';
import type { StatusAnswer } from '../../daemon/commands.js';
import type { BinState } from '../../status/status.js';
import { type Check, countText, fact, type Section } from '../doctor/doctor.js';
import { renderSection } from '../doctor/render.js';
import { askBin, type BinFlags, binCommand } from './bin-commands.js';
import { localTime } from './local-time.js';
import { terminalStyle } from './report.js';
import { updateRows } from './update-rows.js';

export const statusCommand = (): Command =>
  binCommand('status', 'print the state of the running bin').action(async (flags: BinFlags) => {
    const value = await askBin({ command: 'status' }, flags);
    if (value !== undefined && !flags.json)
      process.stdout.write(renderSection(sectionOf(value as StatusAnswer), terminalStyle()));
  });

/** Returns the state as a section, whose checks are facts, faults and parts that make no progress. */
export const sectionOf = ({ state, liveness, broker, waiting, update }: StatusAnswer): Section => {
  const { cycle, locked, faults, fill, counters } = state;
  const stalled = liveness.ok ? [] : liveness.stalled;
  return {
    title: 'bin',
    exitCode: 0,
    checks: [
      fact('cycle', locked ? `${cycle}, the service switch locks the gate` : cycle),
      {
        ...fact('last item', lastItemText(state.lastItem)),
        ...(state.lastItem?.outcome === 'failed' ? { status: 'fail' as const } : {}),
      },
      ...faults.map(
        ({ part, code, message, since }): Check => ({
          name: part,
          status: 'fail',
          text: `${code} since ${localTime(since)}. ${message}`,
        }),
      ),
      ...stalled.map(
        ({ part, reason }): Check => ({ name: part, status: 'fail', text: `no progress: ${reason}` }),
      ),
      ...(faults.length + stalled.length === 0 ? [fact('faults', 'none')] : []),
      {
        ...fact('broker', `${broker.url}, ${broker.connected ? 'connected' : 'not connected'}`),
        ...(broker.connected ? {} : { status: 'note' as const }),
      },
      fact(
        'waiting',
        waiting === null ? 'not known: the journal gives no answer' : countText(waiting, 'event'),
      ),
      ...updateRows(update),
      ...fill.map(({ compartment, percent, full }) =>
        fact(
          'fill',
          `${compartment}: ${percent === null ? 'not measured yet' : `${percent} %`}${full ? ', full' : ''}`,
        ),
      ),
      fact('outcomes', countsText(counters.outcomes)),
      fact('sorted into', countsText(counters.compartments)),
      ...(counters.undeliverable
        ? [fact('undeliverable', `${counters.undeliverable} events: sortbin outbox list`)]
        : []),
      ...(counters.unrecorded ? [fact('not recorded', `${counters.unrecorded} events`)] : []),
      fact('since', localTime(counters.since)),
    ],
  };
};

const lastItemText = (item: BinState['lastItem']): string => {
  if (!item) return 'none yet';
  const { seq, at, outcome, compartment, label, confidence, reason } = item;
  const guess = label === null ? [] : [`${label} ${Math.round((confidence ?? 0) * 100)} %`];
  const place = compartment === null ? [] : [`-> ${compartment}`];
  return [`#${seq} ${outcome}`, ...guess, ...place, ...(reason === null ? [] : [reason]), localTime(at)].join(
    ', ',
  );
};

const countsText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none yet';
