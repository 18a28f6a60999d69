import { once } from 'node:events';
import { connect } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { type ControlAnswer, ControlError, type ControlRequest } from './commands.js';
import { firstLine } from './line.js';

const ANSWER_MS = 5_000;

const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.string() }),
  z.object({
    ok: z.literal(false),
    fault: z.object({ code: z.enum(['control-refused', 'control-unfit']), message: z.string() }),
  }),
]);

/** Asks the bin that listens at `path`. @throws ControlError where none does, or none answers */
export const sendCommand = async (
  path: string,
  request: ControlRequest,
  clock: Clock,
): Promise<ControlAnswer> => {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw new ControlError(
      'control-down',
      `${path}: no bin listens there (${messageOf(cause)}); is it running, with this configuration, and may you write there?`,
      { cause },
    );
  }
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const line = await withDeadline(clock, ANSWER_MS, () => firstLine(socket));
    return answerSchema.parse(JSON.parse(line ?? ''));
  } catch (cause) {
    throw new ControlError('control-answer', `${path}: no answer that can be understood; see the bin's log`, {
      cause,
    });
  } finally {
    socket.destroy();
  }
};
