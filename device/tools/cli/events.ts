import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type BinEvent, eventSchema } from '../../cycle/event.js';
import { type EventFilter, JournalReader, type StoredEvent } from '../../journal/journal-reader.js';
import { SortbinError } from '../../kit/errors.js';
import { escapeControls, plainJson } from '../../kit/plain-text.js';
import { renderFacts } from '../doctor/render.js';
import { CONFIG_OPTION } from './config-option.js';
import { eventDetails } from './event-details.js';
import { readLimits } from './event-limits.js';
import { EventOutput, eventOf } from './event-output.js';
import { followedEvents, listedEvents } from './event-stream.js';
import { eventText } from './event-text.js';
import { type CommandConfig, readConfig } from './loaded-config.js';
import { localTime } from './local-time.js';
import { printJson, terminalStyle } from './report.js';

interface ListFlags extends Omit<EventFilter, 'since'> {
  readonly config?: string;
  readonly last?: number;
  readonly since?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const DEFAULT_LAST = 20;
/** Number of events whose compartments an error names. */
const LATEST = 1_000;

export const eventsCommand = (): Command =>
  new Command('events')
    .description('list the events in the journal of a running or stopped bin, oldest first')
    .option(
      '-n, --last <n>',
      `at most the last n events (default: ${DEFAULT_LAST}, or all with --since)`,
      parseCount,
    )
    .option(
      '--since <time>',
      'only events since a local time, such as 2026-11-24T08:00, or a duration: 90m, 12h, 7d',
      parseSince,
    )
    .addOption(
      new Option('--outcome <outcome>', 'only events with this outcome').choices(
        eventSchema.shape.outcome.options,
      ),
    )
    .option('--compartment <name>', 'only events of this compartment')
    .option('-f, --follow', 'then print each new event, until Ctrl-C')
    .option(...CONFIG_OPTION)
    .option('--json', 'print each event as one line of JSON')
    // Otherwise the options after `show` would belong to `events`.
    .enablePositionalOptions()
    .allowExcessArguments()
    .action((flags: ListFlags, command: Command) => {
      const [id] = command.args;
      if (id !== undefined)
        command.error(
          `error: unknown argument ${JSON.stringify(id)}. To explain an event: sortbin events show ${id}`,
        );
      return listEvents(flags);
    })
    .addCommand(showCommand());

const showCommand = (): Command =>
  new Command('show')
    .description('explain one event: scores, thresholds, runtime, timings, and the path of its frame')
    .argument('<id>', 'number of the event, or its id or the first 13 characters of it')
    .option(...CONFIG_OPTION)
    .option('--json', 'print the event and its explanation as JSON')
    .action(showEvent);

const listEvents = async (flags: ListFlags): Promise<void> => {
  const { json = false, follow = false, last, ...filter } = flags;
  const dataDir = dataDirOf(await readConfig(flags.config));
  const output = new EventOutput(
    json ? ({ body }) => escapeControls(JSON.stringify(body)) : (stored) => eventLine(stored),
  );
  const count = last ?? (filter.since === undefined ? DEFAULT_LAST : null);
  const reader = JournalReader.open(dataDir);
  const position = reader.position();
  try {
    for (const events of listedEvents(reader, position, count, filter))
      if (!(await output.print(events))) return;
    output.reportSkipped();
    if (!output.hasPrinted && !follow) process.stderr.write(`sortbin: ${noEventsText(reader, filter)}\n`);
  } finally {
    reader.close();
  }
  if (!follow) return;
  for await (const events of followedEvents(dataDir, position, filter)) {
    if (!(await output.print(events))) return;
    output.reportSkipped();
  }
};

const noEventsText = (reader: JournalReader, { compartment }: EventFilter): string => {
  if (compartment === undefined) return 'no events.';
  const events = reader.last(LATEST, {}).map(({ body }) => body as BinEvent);
  const names = events.flatMap((event) => event.compartment ?? event.decision?.compartment ?? []);
  const known = [...new Set(names)].sort().join(', ') || 'none';
  return `no events of compartment ${JSON.stringify(compartment)}. The latest events have: ${known}.`;
};

const showEvent = async (
  id: string,
  { config, json = false }: { config?: string; json?: boolean },
): Promise<void> => {
  const loaded = await readConfig(config);
  const reader = JournalReader.open(dataDirOf(loaded));
  try {
    const event = checked(find(reader, id));
    const details = {
      event,
      labels: reader.labels(event.id),
      disputes: reader.disputes(event.id).flatMap((dispute) => eventOf(dispute)?.at ?? []),
      framePath: event.frame ? reader.framePath(event.frame.id) : null,
    };
    if (json) printJson({ schema: 1, ...details, text: eventText(event) });
    else {
      const limits = await readLimits(loaded, event);
      process.stdout.write(renderFacts(eventDetails(details, limits), terminalStyle()));
    }
  } finally {
    reader.close();
  }
};

/** Finds an event by its number, its id, or the beginning of its id. @throws SortbinError `events-unknown` */
const find = (reader: JournalReader, id: string): StoredEvent => {
  const seq = /^#?(\d{1,15})$/.exec(id)?.[1];
  const bySeq = seq === undefined ? null : reader.bySeq(Number(seq));
  if (bySeq) return bySeq;
  const [event, another] = /^[0-9a-f-]{8,}$/.test(id) ? reader.byIdPrefix(id) : [];
  if (event && !another) return event;
  const range = reader.range();
  const present = range ? `It has the numbers ${range.first} to ${range.last}.` : 'It has no events yet.';
  throw new SortbinError(
    'events-unknown',
    another
      ? `event ${JSON.stringify(id)}: several ids begin like this. Use more characters.`
      : `event ${JSON.stringify(id)}: not in the journal. ${present} Use a number, or at least 13 characters of an id.`,
  );
};

const dataDirOf = ({ config, folder }: CommandConfig): string => resolve(folder, config.dataDir);

/** @throws SortbinError `events-damaged` */
const checked = (stored: StoredEvent): BinEvent => {
  const event = eventOf(stored);
  if (event) return event;
  throw new SortbinError(
    'events-damaged',
    `event ${stored.seq}: its row in the journal is not an event. Read it with "sqlite3 journal.db", table rows.`,
  );
};

/** `2026-11-24 12:00:00  #1042  paper 0.84 below 0.91 -> residual`, in local time. */
const eventLine = ({ body }: StoredEvent): string => {
  const event = plainJson(body as BinEvent);
  return [localTime(event.at), `#${event.seq}`.padEnd(6), eventText(event)].join('  ');
};

const parseCount = (text: string): number => {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('Use a whole number from 1.');
};

const UNITS_MS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

const TIME = /^(\d{4})-(\d\d)-(\d\d)([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** Returns the UTC time in ISO 8601. A date without a time is the beginning of the day. */
const parseSince = (text: string): string => {
  const since = new Date(durationStartMs(text) ?? localTimeMs(text));
  if (since.getTime() >= 0) return since.toISOString();
  throw new InvalidArgumentError(
    'Use a time such as 2026-11-24T08:00, or a duration such as 90m, 12h or 7d.',
  );
};

const durationStartMs = (text: string): number | undefined => {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  return amount === undefined ? undefined : Date.now() - Number(amount) * (UNITS_MS[unit] ?? 0);
};

const localTimeMs = (text: string): number => {
  const [, year, month, day, time = 'T00:00'] = TIME.exec(text) ?? [];
  // JavaScript reads 30 February as 2 March, and a date without a time as UTC.
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  return isDay ? Date.parse(`${year}-${month}-${day}${time.replace(' ', 'T')}`) : Number.NaN;
};
