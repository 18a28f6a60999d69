import type { Socket } from 'node:net';
import { z } from 'zod';
import { SortbinError } from '../../kit/errors.js';

/** `control-down`: no bin listens on the socket. `control-answer`: no valid answer within the deadline. */
export type ControlErrorCode = 'control-down' | 'control-answer';
export class ControlError extends SortbinError<ControlErrorCode> {}

/** File name of the control socket, in `dataDir`. */
export const CONTROL_SOCKET = 'control.sock';

/** Maximum length of a request, in bytes. */
export const LINE_BYTES = 65_536;

/** Maximum length of an answer, in bytes. */
export const ANSWER_BYTES = 1 << 20;

/**
 * Chosen by the sender. SQLite would take some texts with other characters for the same. A request that is sent again with
 * the same transaction is not executed again.
 */
export const transactionSchema = z.string().regex(/^[\x21-\x7e]{1,64}$/);

/** Reads the first line of a socket. Returns null if the other side ends before, or sends more than `maxBytes`. */
export const firstLine = async (socket: Socket, maxBytes: number): Promise<string | null> => {
  let text = '';
  // The iterator must not close the socket: the answer is still to be sent.
  const chunks = socket.setEncoding('utf8').iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    text += chunk;
    const end = text.indexOf('\n');
    if (Buffer.byteLength(end < 0 ? text : text.slice(0, end)) > maxBytes) return null;
    if (end >= 0) return text.slice(0, end);
  }
  return null;
};

/** Returns the value of a text in JSON; undefined: it is not JSON, or has a key that could change a prototype. */
export const valueOfJson = (text: string): unknown => {
  try {
    return JSON.parse(text, (key, value) => {
      if (key === '__proto__') throw new SyntaxError(`the key ${key} is not allowed`);
      return value;
    });
  } catch {
    return undefined;
  }
};
