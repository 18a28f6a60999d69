import { once } from 'node:events';
import { connect } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { ANSWER_BYTES, ControlError, firstLine } from './commands.js';

/** Longer than the deadline of the registry, so that the bin reports its own deadline. */
const ANSWER_MS = 5_000;

const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), fault: z.object({ code: z.string(), message: z.string() }) }),
]);

/** A request to a running bin: the name of the command with its keys. */
export interface CommandRequest {
  readonly command: string;
  readonly [key: string]: unknown;
}

/** Sends a request to the bin that listens on the socket `path`. @throws ControlError if no bin listens or answers */
export const sendCommand = async (
  path: string,
  request: CommandRequest,
  clock: Clock,
): Promise<z.infer<typeof answerSchema>> => {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw new ControlError(
      'control-down',
      `Cannot reach sortbin at ${path}: ${messageOf(cause)}. Check that it runs, uses this configuration, and grants you access.`,
      { cause },
    );
  }
  // After the answer the bin may reset the connection.
  socket.on('error', () => {});
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const line = await withDeadline(clock, ANSWER_MS, () => firstLine(socket, ANSWER_BYTES));
    if (line === null) throw new Error('the connection was closed');
    return answerSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new ControlError(
      'control-answer',
      `${path}: no valid answer (${messageOf(cause)}). The bin serves 8 connections at once. See its log.`,
      { cause },
    );
  } finally {
    socket.destroy();
  }
};
