import type { Socket } from 'node:net';
import { z } from 'zod';
import { type Answer, SortbinError } from '../../kit/errors.js';

/** The requests that a running bin accepts. */
export const controlRequest = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('trigger') }),
  z.strictObject({ command: z.literal('emptied'), compartment: z.string().max(63) }),
]);
export type ControlRequest = z.infer<typeof controlRequest>;

/** `control-refused`: not a valid request. `control-unfit`: this bin has no such trigger or compartment. */
export type ControlFault = 'control-refused' | 'control-unfit';
export type ControlAnswer = Answer<string, ControlFault>;

/** Executes a request. Returns a text that states what was done. */
export type CommandHandler = (request: ControlRequest) => ControlAnswer;

/** `control-down`: no bin listens on the socket. `control-answer`: no valid answer within the deadline. */
export type ControlErrorCode = 'control-down' | 'control-answer';
export class ControlError extends SortbinError<ControlErrorCode> {}

/** File name of the control socket, in `dataDir`. */
export const CONTROL_SOCKET = 'control.sock';

/** Maximum length of a request and of an answer, one line each, in bytes. */
export const LINE_BYTES = 4_096;

/** Reads the first line of a socket. Returns null if the other side ends before, or sends more than LINE_BYTES. */
export const firstLine = async (socket: Socket): Promise<string | null> => {
  let text = '';
  // The iterator must not close the socket: the answer is still to be sent.
  const chunks = socket.setEncoding('utf8').iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    text += chunk;
    const end = text.indexOf('\n');
    if (Buffer.byteLength(end < 0 ? text : text.slice(0, end)) > LINE_BYTES) return null;
    if (end >= 0) return text.slice(0, end);
  }
  return null;
};
