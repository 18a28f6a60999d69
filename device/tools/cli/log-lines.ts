import { basename, dirname } from 'node:path';
import type { Logger } from 'pino';
import type { BinEvent } from '../../cycle/event.js';
import { decidingThreshold, type Thresholds } from '../../cycle/policy.js';
import type { CameraInfo, LibcameraSettings } from '../../hardware/camera/camera.js';
import type { SkippedRuntime } from '../../perception/inference/runtimes.js';
import type { VisionInfo } from '../../perception/vision/vision.js';
import { countText } from '../doctor/doctor.js';
import { eventText } from './event-text.js';

/** A kind of log line. JSON has the message and the fields. A terminal shows only the text of the fields. */
export interface LogLine<Fields extends object> {
  readonly message: string;
  text(fields: Fields): string;
  /** The colour of the text on a terminal. null: the default. */
  colour?(fields: Fields): Colour | null;
}

export type Colour = 'red' | 'yellow';

export const writeLine = <Fields extends object>(
  log: Logger,
  level: 'info' | 'warn' | 'error',
  { message }: LogLine<Fields>,
  fields: Fields,
): void => {
  const record: object = fields;
  log[level](record, message);
};

const line = <Fields extends object>(
  message: string,
  text: (fields: Fields) => string,
  colour: (fields: Fields) => Colour | null = () => null,
): LogLine<Fields> => ({ message, text, colour });

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
      named('model', `${model.name} ${model.version}, ${title}: ${backend}, ${countText(threads, 'thread')}`),
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
  topics: line<{ topics: readonly string[] }>('topics assigned', ({ topics: [first = '', ...others] }) =>
    named('topics', [first, ...others.map((topic) => topic.slice(dirname(first).length + 1))].join(', ')),
  ),
  watch: line<{ command: string }>('watch command available', ({ command }) => named('watch', command)),
  journal: line<{ path: string }>('journal opened', ({ path }) => named('journal', path)),
  dropped: line<{ dropped: number }>(
    'outbox was full, unsent events dropped',
    ({ dropped }) => `outbox full (journal.maxOutbox): ${dropped} unsent events dropped so far`,
  ),
  undeliverable: line<{ undeliverable: number }>(
    'events could not be delivered',
    ({ undeliverable }) => `${undeliverable} events could not be delivered: sortbin outbox list`,
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
export const CAMERA_LINES = {
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

/** Keeps the end of a name, which has the number of the image. Below 8 columns, nothing is left. */
const shorten = (name: string, columns: number): string => {
  if (name.length <= columns) return name;
  return columns < 8 ? '' : `…${name.slice(1 - columns)}`;
};

/** `#12    paper 0.84 below 0.91 -> residual             48 ms  paper18.jpg` */
const itemText = ({ item, image }: ItemFields): string => {
  const { timingsMs, seq, outcome } = item;
  const withoutGateMs = (timingsMs.total ?? 0) - (timingsMs.gateMove ?? 0);
  const text = `${`#${seq}`.padEnd(6)} ${eventText(item).padEnd(40)}`;
  if (outcome === 'ignored') return text.trimEnd();
  const timed = `${text}${`${withoutGateMs.toFixed(0)} ms`.padStart(7)}`;
  return `${timed}  ${shorten(basename(image ?? ''), MAX_COLUMNS - timed.length - 2)}`.trimEnd();
};

/** An item that the model was not sure of. */
const unsureColour = ({ item: { decision } }: ItemFields): Colour | null =>
  decision?.reason === 'confident' ? null : 'yellow';

const reportText = ({ remark }: { readonly remark: BinEvent }): string =>
  `${`#${remark.seq}`.padEnd(6)} ${eventText(remark)}`;

/** Lines about items, by their outcome. */
export const ITEM_LINES = {
  sorted: line('item sorted', itemText, unsureColour),
  refused: line('item refused', itemText),
  ignored: line('triggers ignored', itemText),
  failed: line('item failed', itemText, () => 'red'),
  interrupted: line('item interrupted', itemText, () => 'yellow'),
} as const;

/** Lines about reports of an operator, by their outcome. */
export const REPORT_LINES = {
  emptied: line('compartment emptied', reportText),
  disputed: line('item disputed', reportText),
} as const;
