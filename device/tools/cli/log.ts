import { styleText } from 'node:util';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogConfig } from '../../config/schema.js';
import { escapeControls, plainJson, plainLines } from '../../kit/plain-text.js';
import {
  CAMERA_LINES,
  type Colour,
  ITEM_LINES,
  LINES,
  type LogLine,
  REPORT_LINES,
  writeLine,
} from './log-lines.js';
import { LogOutput } from './log-output.js';
import { terminalStyle } from './report.js';

const LINE_OF = new Map(
  [LINES, CAMERA_LINES, ITEM_LINES, REPORT_LINES].flatMap((lines) =>
    Object.values(lines).map((one) => [one.message, one as LogLine<object>] as const),
  ),
);

/** A line of the log, parsed from JSON. */
export interface LogRecord {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** Replaces the message and the fields of a known line by its text and its colour. Other lines keep their fields. */
export const toTerminal = (record: LogRecord): LogRecord => {
  const { level, time, msg = '' } = record;
  const known = LINE_OF.get(msg);
  if (!known) return record;
  const colour = known.colour?.(record) ?? null;
  return { level, time, msg: known.text(record), ...(colour ? { colour } : {}) };
};

/**
 * Opens the log on standard output: aligned text on a terminal, otherwise one JSON object per line. It never blocks and
 * never fails.
 */
export const openLog = async ({ level, format }: LogConfig): Promise<Logger> => {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const toText = isPretty ? await makePrettifier() : escapeControls;
  const output = new LogOutput(process.stdout, (lines) =>
    writeLine(log, 'error', LINES.linesDropped, { lines }),
  );
  const stream: DestinationStream & { flush: LogOutput['end'] } = {
    write: (line) => output.write(toText(line)),
    // `Logger.flush` calls it. Only an exit does so.
    flush: (done) => output.end(done),
  };
  const log: Logger = pino(
    { level, base: null, ...(isPretty ? {} : { timestamp: pino.stdTimeFunctions.isoTime }) },
    stream,
  );
  return log;
};

const makePrettifier = async (): Promise<(line: string) => string> => {
  const { default: pretty } = await import('pino-pretty');
  const { colour: hasColour } = terminalStyle();
  const paint = (colour: Colour | 'gray', text: string) => (hasColour ? styleText(colour, text) : text);
  const prettify = pretty.prettyFactory({
    // It would paint each line.
    colorize: false,
    singleLine: true,
    // The text has the time and the level. The text of a fault contains its code and message already.
    ignore: 'time,level,part,code,message,colour',
    messageFormat: (record, messageKey) => {
      const at = new Date(Number(record.time)).toTimeString().slice(0, 8);
      const label = pino.levels.labels[Number(record.level)] ?? '';
      const level = label === 'info' ? '' : `${paint(label === 'warn' ? 'yellow' : 'red', label)}: `;
      const text = String(record[messageKey]);
      const { colour } = record;
      const isColour = colour === 'red' || colour === 'yellow';
      return `${paint('gray', at)} ${level}${isColour ? paint(colour, text) : text}`;
    },
  });
  return (line) => {
    const { err, ...record }: LogRecord = JSON.parse(line);
    // The stack of an error has several lines.
    const error = err === undefined ? {} : { err: plainJson(err, plainLines) };
    return prettify(toTerminal({ ...plainJson(record), ...error }));
  };
};
