import type { Command } from 'commander';
import type { StatusAnswer } from '../../daemon/status-answer.js';
import type { Space } from '../../hardware/machine/machine.js';
import type { MachineReport } from '../../status/machine-report.js';
import type { BinState, RaisedFault } from '../../status/status.js';
import { bytesText, type Check, countText, fact, type Section } from '../doctor/doctor.js';
import { renderSection } from '../doctor/render.js';
import { askBin, type BinFlags, binCommand } from './bin-commands.js';
import { EXIT } from './failure.js';
import { localTime } from './local-time.js';
import { exitCodesHelp, terminalStyle } from './report.js';
import { updateRows } from './update-rows.js';

export const statusCommand = (): Command =>
  binCommand('status', 'print the state of the running bin')
    .addHelpText(
      'after',
      exitCodesHelp({
        0: 'the bin has no fault',
        [EXIT.unhealthy]: 'a fault is in force, or a part makes no progress',
        [EXIT.unavailable]: 'the bin does not answer',
      }),
    )
    .action(async (flags: BinFlags) => {
      const value = await askBin({ command: 'status' }, flags);
      if (value === undefined) return;
      const answer = value as StatusAnswer;
      const section = sectionOf(answer);
      if (!flags.json) process.stdout.write(renderSection(section, terminalStyle()));
      if (section.exitCode !== 0) process.exitCode = section.exitCode;
    });

/** Returns the state as a section, whose checks are facts, faults and parts that make no progress. */
export const sectionOf = (answer: StatusAnswer): Section => {
  const { state, liveness, broker, waiting, update, mode, machine } = answer;
  const { cycle, faults, fill, counters } = state;
  const stalled = liveness.ok ? [] : liveness.stalled;
  const isHealthy = faults.length + stalled.length === 0;
  return {
    title: 'bin',
    exitCode: isHealthy ? 0 : EXIT.unhealthy,
    checks: [
      fact('mode', [mode, ...modeReasons(state)].join(', ')),
      fact('cycle', cycle),
      {
        ...fact('last item', lastItemText(state.lastItem)),
        ...(state.lastItem?.outcome === 'failed' ? { status: 'fail' as const } : {}),
      },
      ...faults.map((fault) => faultCheck(fault, answer.faults)),
      ...stalled.map(
        ({ part, reason }): Check => ({ name: part, status: 'fail', text: `no progress: ${reason}` }),
      ),
      ...(isHealthy ? [fact('faults', 'none')] : []),
      {
        ...fact('broker', `${broker.url}, ${broker.connected ? 'connected' : 'not connected'}`),
        ...(broker.connected ? {} : { status: 'note' as const }),
      },
      fact(
        'waiting',
        waiting === null ? 'not known: the journal gives no answer' : countText(waiting, 'event'),
      ),
      ...updateRows(update),
      ...machineRows(machine),
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

const modeReasons = ({ locked, held }: BinState): string[] => {
  if (held) return [locked ? 'a person holds the bin: sortbin resume' : 'held after this item'];
  return locked ? ['the service switch locks the gate'] : [];
};

const faultCheck = (
  { part, code, message, since }: RaisedFault,
  explained: StatusAnswer['faults'],
): Check => {
  const texts = explained.find((fault) => fault.code === code);
  const lines = [
    `${code} since ${localTime(since)}. ${message}`,
    ...(texts?.meaning ? [`Meaning: ${texts.meaning}`] : []),
    ...(texts?.cure ? [`What to do: ${texts.cure}`] : []),
    ...(texts ? [`More: ${texts.link}`] : []),
  ];
  return { name: part, status: 'fail', text: lines.join('\n') };
};

/** A sensor that the machine does not have has no row. */
const machineRows = ({
  temperatureC,
  isThrottled,
  isUnderVoltage,
  memory,
  disk,
  clock,
}: MachineReport): Check[] => [
  ...(temperatureC === null ? [] : [fact('temperature', `${temperatureC.toFixed(1)} °C`)]),
  ...(isThrottled === null ? [] : [fact('processor', isThrottled ? 'throttled' : 'not throttled')]),
  ...(isUnderVoltage === null ? [] : [fact('voltage', isUnderVoltage ? 'too low' : 'sufficient')]),
  ...(memory === null ? [] : [fact('memory', spaceText(memory))]),
  ...(disk === null ? [] : [fact('disk', spaceText(disk))]),
  fact('clock', clock === 'synchronised' ? 'synchronised' : 'not synchronised'),
];

const spaceText = ({ freeBytes, totalBytes }: Space): string =>
  `${bytesText(freeBytes)} of ${bytesText(totalBytes)} free`;

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
