import { type Logger, pino } from 'pino';
import type { LogConfig } from '../../config/schema.js';

/** Readable lines on a terminal, one JSON object a line elsewhere. */
export const openLog = async ({ level, format }: LogConfig): Promise<Logger> => {
  const readable = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  if (!readable) return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const { default: pretty } = await import('pino-pretty');
  const lines = pretty({
    // In this thread: nothing is lost when the process ends.
    sync: true,
    colorize: process.stdout.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    // The line says it; the fields are for programs.
    ignore: 'pid,hostname,item,part,code',
  });
  return pino({ level }, lines);
};
