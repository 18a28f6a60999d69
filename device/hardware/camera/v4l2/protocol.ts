import type { CameraControl, YuvColour } from '../camera.js';

// The protocol of sortbin-camera. io/README.md describes it.

export const PROTOCOL = 2;

/** Maximum length of a line, without its end. */
export const MAX_LINE_BYTES = 1000;
/** Maximum size of a frame. A YUYV frame of 4096 x 3072 pixels is smaller. */
export const MAX_FRAME_BYTES = 32 << 20;

const FAULTS = ['missing', 'denied', 'busy', 'unsupported', 'frozen', 'failed'] as const;
export type CameraFaultWord = (typeof FAULTS)[number];

const COLOURS = [
  'bt601-full',
  'bt601-limited',
  'bt709-full',
  'bt709-limited',
] as const satisfies readonly YuvColour[];

/** The properties of a stream that delivers frames. */
export interface Ready {
  readonly format: 'MJPG' | 'YUYV';
  readonly width: number;
  readonly height: number;
  /** Bytes of a row. 0 for MJPG. */
  readonly strideBytes: number;
  readonly colour: YuvColour | 'jpeg';
  readonly framesPerSecond: number;
  readonly clock: 'soe' | 'eof' | 'arrival';
  readonly bus: string;
  readonly card: string;
}

/** The line before the bytes of a frame. */
export interface FrameHeader {
  readonly type: 'frame';
  readonly id: number;
  /** Monotonic time in ns at which the first data of the frame arrived. */
  readonly atNs: bigint;
  readonly size: number;
}

/** A parsed line of sortbin-camera's output. */
export type CameraMessage =
  | { readonly type: 'version'; readonly protocol: number; readonly version: string }
  | { readonly type: 'ready'; readonly ready: Ready }
  | { readonly type: 'unset'; readonly control: string; readonly text: string }
  | { readonly type: 'fault'; readonly word: CameraFaultWord; readonly text: string }
  | { readonly type: 'control'; readonly id: number; readonly control: CameraControl }
  | { readonly type: 'ok'; readonly id: number }
  | { readonly type: 'error'; readonly id: number; readonly code: string; readonly text: string }
  | FrameHeader;

/** The pattern of each kind of line, with the function that makes a message of its named groups. */
const FORMS: readonly (readonly [RegExp, (words: Record<string, string>) => CameraMessage | null])[] = [
  [
    /^sortbin-camera (?<protocol>\d{1,9}) (?<version>\S+)$/,
    ({ protocol, version = '' }) => ({ type: 'version', protocol: Number(protocol), version }),
  ],
  [
    /^ready format=(?<format>MJPG|YUYV) width=(?<width>\d{1,5}) height=(?<height>\d{1,5}) stride=(?<stride>\d{1,6}) colour=(?<colour>[a-z0-9-]+) fps=(?<fps>\d{1,6}(\.\d{1,6})?) clock=(?<clock>soe|eof|arrival) device=.+? driver=\S* bus=(?<bus>\S*) card=(?<card>.*)$/,
    (words) => {
      const ready = readyOf(words);
      return ready && { type: 'ready', ready };
    },
  ],
  [
    /^unset (?<control>\S+)(?: (?<text>.*))?$/,
    ({ control = '', text = '' }) => ({ type: 'unset', control, text }),
  ],
  [
    new RegExp(`^fault (?<word>${FAULTS.join('|')})(?: (?<text>.*))?$`),
    ({ word, text = '' }) => ({ type: 'fault', word: word as CameraFaultWord, text }),
  ],
  [
    /^(?<id>\d{1,10}) frame (?<ns>\d{1,19}) \d{1,10} (?<size>\d{1,10})$/,
    ({ id, ns = '', size }) => ({ type: 'frame', id: Number(id), atNs: BigInt(ns), size: Number(size) }),
  ],
  [
    /^(?<id>\d{1,10}) (?<line>control .*)$/,
    ({ id, line = '' }) => {
      const control = parseControl(line);
      return control && { type: 'control', id: Number(id), control };
    },
  ],
  [/^(?<id>\d{1,10}) ok$/, ({ id }) => ({ type: 'ok', id: Number(id) })],
  [
    /^(?<id>\d{1,10}) error (?<code>[a-z]+)(?: (?<text>.*))?$/,
    ({ id, code = '', text = '' }) => ({ type: 'error', id: Number(id), code, text }),
  ],
];

const readyOf = (words: Record<string, string>): Ready | null => {
  const { format, colour, clock, bus = '', card = '' } = words;
  const [width, height, strideBytes] = [Number(words.width), Number(words.height), Number(words.stride)];
  const framesPerSecond = Number(words.fps);
  const rest = { width, height, strideBytes, framesPerSecond, clock: clock as Ready['clock'], bus, card };
  if (width === 0 || height === 0 || framesPerSecond === 0) return null;
  if (format === 'MJPG') return colour === 'jpeg' ? { format, colour, ...rest } : null;
  const yuv = COLOURS.find((known) => known === colour);
  const isWide = strideBytes >= 4 * Math.ceil(width / 2) && strideBytes * height <= MAX_FRAME_BYTES;
  return yuv && isWide ? { format: 'YUYV', colour: yuv, ...rest } : null;
};

/** Parses a line `control` of the list, or of the reply to `controls`. Returns null if the line has another form. */
export const parseControl = (line: string): CameraControl | null => {
  const [, name = '', numbers = '', flags = ''] = /^control (\S+)((?: -?\d+){5}) (\S+)$/.exec(line) ?? [];
  const [value = 0, minimum = 0, maximum = 0, step = 1, defaultValue = 0] = numbers
    .trim()
    .split(' ')
    .map(Number);
  const isInactive = flags.includes('i');
  return name ? { name, value, minimum, maximum, step, defaultValue, isInactive } : null;
};

/** Parses a line of sortbin-camera's output. Returns null if the line does not follow the protocol. */
export const parseMessage = (line: string): CameraMessage | null => {
  for (const [form, toMessage] of FORMS) {
    const match = form.exec(line);
    if (match) return toMessage(match.groups ?? {});
  }
  return null;
};
