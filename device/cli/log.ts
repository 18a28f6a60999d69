import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { LogConfig } from '../config/schema.js';

/** Readable lines on a terminal, one JSON object a line elsewhere. */
export const openLog = ({ level, format }: LogConfig): Logger => {
  const readable = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  if (!readable) return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
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
