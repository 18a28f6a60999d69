import { basename } from 'node:path';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogConfig } from '../../config/schema.js';
import type { BinEvent } from '../../cycle/event.js';
import { decidingThreshold, type Thresholds } from '../../cycle/policy.js';
import type { CameraInfo, LibcameraSettings } from '../../hardware/camera/camera.js';
import type { SkippedRuntime } from '../../perception/inference/runtimes.js';
import type { VisionInfo } from '../../perception/vision/vision.js';
import { eventText } from './event-text.js';
import { LogOutput } from './log-output.js';
import { terminalStyle } from './report.js';

/** A kind of log line. JSON has the message and the fields. A terminal shows only the text of the fields. */
export interface LogLine<Fields extends object> {
  readonly message: string;
  text(fields: Fields): string;
}

export const writeLine = <Fields extends object>(
  log: Logger,
  level: 'info' | 'warn' | 'error',
  { message }: LogLine<Fields>,
  fields: Fields,
): void => {
  const record: object = fields;
  log[level](record, message);
};

const line = <Fields extends object>(message: string, text: (fields: Fields) => string): LogLine<Fields> => ({
  message,
  text,
});

/** Lines about the start form two columns: a name and its value. */
const named = (name: string, value: string): string => `${name.padEnd(9)}${value}`;

const decidingText = (thresholds: Pick<Thresholds, 'confidence' | 'margin'>): string => {
  const { confidence, margin } = thresholds;
  const deciding = decidingThreshold(thresholds);
  const pair = `confidence ${confidence} and margin ${margin}`;
  return deciding === 'both' ? `${pair} decide` : `${pair}: policy.${deciding} alone decides`;
};

export const LINES = {
  renamed: line<{ file: string; path: string; newPath: string; line: number | null }>(
    'old name of a configuration key accepted',
    ({ file, path, newPath, line }) =>
      `${file}:${line}: ${path} has the new name ${newPath}. Rename it: the next release refuses the old name.`,
  ),
  configured: line<{ version: string; bin: string; configuration: string }>(
    'configuration loaded',
    ({ version, bin, configuration }) =>
      named('sortbin', `${version}, bin "${bin}", configuration: ${configuration}`),
  ),
  runtime: line<Pick<VisionInfo, 'model' | 'runtime' | 'title'>>(
    'runtime activated',
    ({ model, runtime: { backend, threads }, title }) =>
      named(
        'model',
        `${model.name} ${model.version} on ${title} (${backend}, ${threads} thread${threads === 1 ? '' : 's'})`,
      ),
  ),
  policy: line<Pick<Thresholds, 'confidence' | 'margin'> & { purity: number | null }>(
    'policy loaded',
    ({ purity, ...thresholds }) =>
      named(
        'policy',
        purity === null
          ? decidingText(thresholds)
          : `${decidingText(thresholds)} (validation: ${Math.round(100 * purity)} % right)`,
      ),
  ),
  skipped: line<{ skipped: SkippedRuntime }>('runtime skipped', ({ skipped: { runtime, why } }) =>
    named('', `skipped ${runtime}: ${why}`),
  ),
  portInUse: line<{ requestedPort: number; port: number }>(
    'requested port was in use, embedded broker selected another port',
    ({ requestedPort, port }) =>
      `port ${requestedPort} is in use by another program: the broker listens on ${port}`,
  ),
  broker: line<{ url: string; embedded: boolean }>('broker selected', ({ url, embedded }) =>
    named('broker', `${url}${embedded ? ' (embedded)' : ''}`),
  ),
  topics: line<{ topics: readonly [string, ...string[]] }>(
    'topics assigned',
    ({ topics: [first, ...others] }) =>
      named('topics', [first, ...others.map((topic) => basename(topic))].join(', ')),
  ),
  watch: line<{ command: string }>('watch command available', ({ command }) => named('watch', command)),
  journal: line<{ path: string }>('journal opened', ({ path }) => named('journal', path)),
  dropped: line<{ dropped: number }>(
    'outbox was full, unsent events dropped',
    ({ dropped }) => `outbox full (journal.maxOutbox): ${dropped} unsent events dropped so far`,
  ),
  linesDropped: line<{ lines: number }>(
    'log could not be written, lines dropped',
    ({ lines }) => `the log could not be written: ${lines} lines dropped`,
  ),
  stopping: line<{ reason: string }>('stop requested', ({ reason }) => `${reason}: stopping`),
  stopForced: line<{ reason: string }>(
    'second signal received, process exited',
    ({ reason }) => `second ${reason}: exiting at once`,
  ),
  stopTimedOut: line<{ deadlineMs: number }>(
    'stop deadline expired, process exited',
    ({ deadlineMs }) => `not stopped within ${deadlineMs} ms: exiting`,
  ),
} as const;

/** `imx708, 640x480 jpeg at 15 per second` */
const cameraText = ({ model, size, format, framesPerSecond }: CameraInfo): string => {
  const sizeText = size === null ? '' : `${size.width}x${size.height} `;
  const rate = framesPerSecond === null ? '' : ` at ${Math.round(100 * framesPerSecond) / 100} per second`;
  return `delivers ${framesPerSecond === null ? 'stills' : 'frames'}: ${model}, ${sizeText}${format}${rate}`;
};

const settingsText = ({ exposure, whiteBalance, focus }: LibcameraSettings): string =>
  [
    exposure && `exposure ${exposure.shutterUs} us at gain ${exposure.gain}`,
    whiteBalance && `white balance red ${whiteBalance.red} and blue ${whiteBalance.blue}`,
    focus && `focus ${focus.dioptres} dioptres`,
  ]
    .filter((text) => text !== null)
    .join(', ');

/** Lines that the drivers of cameras log. Their messages are those of the drivers. */
const CAMERA_LINES = {
  delivers: line<CameraInfo>('the camera delivers frames', (info) => `camera: ${cameraText(info)}`),
  locked: line<LibcameraSettings>(
    'the settings of the camera are locked',
    (settings) => `camera: settings locked: ${settingsText(settings)}`,
  ),
  still: line<{ stillMs: number }>(
    'node-libcamera starts the camera for each still, which takes 1 to 7 s. The driver rpicam is faster',
    ({ stillMs }) =>
      `camera: a still took ${stillMs} ms: node-libcamera starts the camera for each still. The driver rpicam is faster.`,
  ),
} as const;

/** The fields of a line about an event. `image`: the file name of a simulated camera's image. */
interface ItemFields {
  readonly item: BinEvent;
  readonly image?: string | undefined;
}

/** A terminal has 80 columns. The time takes 9 of them. */
const MAX_COLUMNS = 71;

/** `#12    paper 0.84 below 0.91 -> residual             48 ms  paper18.jpg` */
const itemText = ({ item, image }: ItemFields): string => {
  const { timingsMs, seq, outcome } = item;
  const withoutGateMs = (timingsMs.total ?? 0) - (timingsMs.gateMove ?? 0);
  const text = `${`#${seq}`.padEnd(6)} ${eventText(item).padEnd(40)}`;
  if (outcome === 'ignored') return text.trimEnd();
  const timed = `${text}${`${withoutGateMs.toFixed(0)} ms`.padStart(7)}`;
  const named = `${timed}  ${basename(image ?? '')}`.trimEnd();
  return named.length > MAX_COLUMNS ? timed : named;
};

const reportText = ({ remark }: { readonly remark: BinEvent }): string =>
  `${`#${remark.seq}`.padEnd(6)} ${eventText(remark)}`;

/** Lines about items, by their outcome. */
export const ITEM_LINES = {
  sorted: line('item sorted', itemText),
  refused: line('item refused', itemText),
  ignored: line('triggers ignored', itemText),
  failed: line('item failed', itemText),
  interrupted: line('item interrupted', itemText),
} as const;

/** Lines about reports of an operator, by their outcome. */
export const REPORT_LINES = {
  emptied: line('compartment emptied', reportText),
  disputed: line('item disputed', reportText),
} as const;

const TEXT_OF = new Map(
  [LINES, CAMERA_LINES, ITEM_LINES, REPORT_LINES].flatMap((lines) =>
    Object.values(lines).map(({ message, text }) => [message, text as (fields: object) => string] as const),
  ),
);

/** A line of the log, parsed from JSON. */
export interface LogRecord {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** Replaces the message and the fields of a known line by its text. Other lines keep their fields. */
export const toTerminal = (record: LogRecord): LogRecord => {
  const { level, time, msg = '' } = record;
  const text = TEXT_OF.get(msg);
  return text ? { level, time, msg: text(record) } : record;
};

/**
 * Opens the log on standard output: aligned text on a terminal, otherwise one JSON object per line. It never blocks and
 * never fails.
 */
export const openLog = async ({ level, format }: LogConfig): Promise<Logger> => {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const toText = isPretty ? await makePrettifier() : (line: string) => line;
  const output = new LogOutput(process.stdout, (lines) =>
    writeLine(log, 'error', LINES.linesDropped, { lines }),
  );
  const stream: DestinationStream & Pick<LogOutput, 'flush'> = {
    write: (line) => output.write(toText(line)),
    // `Logger.flush` calls it.
    flush: (done) => output.flush(done),
  };
  const log: Logger = pino(
    { level, base: null, ...(isPretty ? {} : { timestamp: pino.stdTimeFunctions.isoTime }) },
    stream,
  );
  return log;
};

const makePrettifier = async (): Promise<(line: string) => string> => {
  const { default: pretty } = await import('pino-pretty');
  const prettify = pretty.prettyFactory({
    colorize: terminalStyle().colour,
    singleLine: true,
    // The text has the time and the level. The text of a fault contains its code and message already.
    ignore: 'time,level,part,code,message',
    messageFormat: (record, messageKey, _, { colors }) => {
      const at = new Date(Number(record.time)).toTimeString().slice(0, 8);
      const label = pino.levels.labels[Number(record.level)] ?? '';
      const level = label === 'info' ? '' : `${colors[label === 'warn' ? 'yellow' : 'red'](label)}: `;
      return `${colors.gray(at)} ${level}${String(record[messageKey])}`;
    },
  });
  return (line) => prettify(toTerminal(JSON.parse(line)));
};
