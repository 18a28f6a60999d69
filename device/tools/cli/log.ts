import { type Logger, pino } from 'pino';
import type { LogConfig } from '../../config/schema.js';
import { toTerminal } from './log-lines.js';
import { terminalStyle } from './report.js';

/** Opens the log on standard output: aligned text on a terminal, otherwise one JSON object per line. */
export const openLog = async ({ level, format }: LogConfig): Promise<Logger> => {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  if (!isPretty) return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const { default: pretty } = await import('pino-pretty');
  const prettify = pretty.prettyFactory({
    colorize: terminalStyle().colour,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    // The text of a fault already contains them.
    ignore: 'part,code,message',
  });
  // Synchronous, so that no line is lost when the process exits.
  const output = pino.destination({ fd: process.stdout.fd, sync: true });
  return pino(
    { level, base: null },
    { write: (line) => output.write(prettify(toTerminal(JSON.parse(line)))) },
  );
};
