import {
  type CameraMessage,
  type FrameHeader,
  MAX_FRAME_BYTES,
  MAX_LINE_BYTES,
  parseMessage,
} from './protocol.js';

/** A message of sortbin-camera. A frame comes with its bytes. */
export type CameraOutput =
  | Exclude<CameraMessage, FrameHeader>
  | (FrameHeader & { readonly bytes: Uint8Array });

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);

/** Cuts the output of sortbin-camera into messages, in whatever chunks it arrives. */
export class OutputParser {
  #partialLine = NOTHING;
  #frame: { readonly header: FrameHeader; readonly bytes: Buffer; filled: number } | null = null;
  #isValid = true;

  /** `onInvalid` receives the beginning of a line that does not follow the protocol. Nothing follows it. */
  constructor(
    private readonly onMessage: (message: CameraOutput) => void,
    private readonly onInvalid: (line: string) => void,
  ) {}

  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0 && this.#isValid; )
      rest = this.#frame ? this.#takeBytes(rest) : this.#takeLine(rest);
  }

  /** Returns what follows the line. */
  #takeLine(chunk: Buffer): Buffer {
    const end = chunk.indexOf(NEWLINE);
    const line = Buffer.concat([this.#partialLine, end < 0 ? chunk : chunk.subarray(0, end)]);
    this.#partialLine = end < 0 ? line : NOTHING;
    if (line.length > MAX_LINE_BYTES) this.#refuse(line);
    else if (end >= 0) this.#readLine(line);
    return end < 0 ? NOTHING : chunk.subarray(end + 1);
  }

  #readLine(line: Buffer): void {
    const message = parseMessage(line.toString('utf8'));
    if (!message) this.#refuse(line);
    else if (message.type !== 'frame') this.onMessage(message);
    else if (message.size === 0 || message.size > MAX_FRAME_BYTES) this.#refuse(line);
    // Not a part of Node's shared pool: a frame that the daemon keeps would keep the whole pool in memory.
    else this.#frame = { header: message, bytes: Buffer.allocUnsafeSlow(message.size), filled: 0 };
  }

  /** Returns what follows the frame. */
  #takeBytes(chunk: Buffer): Buffer {
    const frame = this.#frame;
    if (!frame) return chunk;
    const { header, bytes } = frame;
    const count = chunk.copy(bytes, frame.filled);
    frame.filled += count;
    if (frame.filled === bytes.length) {
      this.#frame = null;
      this.onMessage({ ...header, bytes });
    }
    return chunk.subarray(count);
  }

  #refuse(line: Buffer): void {
    this.#isValid = false;
    this.onInvalid(line.subarray(0, 80).toString('utf8'));
  }
}
