/**
 * Entry point of the vision process. VisionProcess starts it and exchanges the messages of protocol.ts over Node's IPC
 * channel. It contains everything that can crash, hang or be attacked: the image decoder and native inference.
 */

import { SystemClock } from '../../kit/clock.js';
import { messageOf, SortbinError } from '../../kit/errors.js';
import type { Candidate } from '../inference/chain.js';
import { Classifier } from './classifier.js';
import { decode, limitDecoder } from './decode.js';
import {
  type FrameReply,
  type FrameRequest,
  type FromChild,
  PROTOCOL,
  type ToChild,
  type VisionOptions,
} from './protocol.js';
import { jpegOf, qualityOf } from './quality.js';
import { setScheduling } from './scheduling.js';

const send = (message: FromChild): void => {
  process.send?.(message);
};

/** Returns null if the process has no model, or cannot use it. */
const open = async (protocol: number, options: VisionOptions | null): Promise<Classifier | null> => {
  try {
    if (protocol !== PROTOCOL) {
      const message = `the daemon uses protocol ${protocol}, but the vision process uses ${PROTOCOL}. Build sortbin again.`;
      throw new SortbinError('vision-protocol', message);
    }
    if (options) setScheduling(options);
    const onTry = ({ title }: Candidate) => send({ type: 'trying', title });
    const classifier = options && (await Classifier.open(options, new SystemClock(), onTry));
    send({ type: 'ready', protocol: PROTOCOL, info: classifier?.info ?? null });
    return classifier;
  } catch (thrown) {
    const code = thrown instanceof SortbinError ? thrown.code : 'vision-failed';
    send({ type: 'refused', code, message: messageOf(thrown) });
    return null;
  }
};

const perform = async ({ type, id, bytes, format, maxSide }: FrameRequest): Promise<FrameReply> => {
  if (type === 'classify') {
    const classifier = await opened;
    if (!classifier) throw new Error('the vision process has no model');
    const answer = await classifier.classify(bytes, format ?? undefined);
    return answer.ok
      ? { type: 'result', id, classification: answer.value }
      : { type: 'fault', id, ...answer.fault };
  }
  const image = await decode(bytes, format ?? undefined);
  if (!image.ok) return { type: 'fault', id, ...image.fault };
  return type === 'inspect'
    ? { type: 'quality', id, quality: qualityOf(image.value) }
    : { type: 'jpeg', id, bytes: await jpegOf(image.value, maxSide) };
};

// Ctrl-C and systemd send signals to the whole process group. The daemon finishes its frame, then ends this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

/** Ends the process. exit() would wait for a thread that hangs in native code. */
const end = () => process.kill(process.pid, 'SIGKILL');

/** Frees the runtime: a killed process leaves an accelerator in an unknown state. The daemon limits the time. */
const close = async (): Promise<void> => {
  const classifier = await opened;
  await classifier?.close().catch(() => {});
  end();
};

// The daemon has exited or has closed the channel. No other process limits the time of a close.
process.on('disconnect', end);

limitDecoder();
let opened: Promise<Classifier | null> = Promise.resolve(null);
process.on('message', async (message: ToChild) => {
  if (message.type === 'start') {
    opened = open(message.protocol, message.options);
    return;
  }
  if (message.type === 'close') return close();
  const failure = (thrown: unknown): FrameReply => ({
    ...{ type: 'fault', id: message.id, code: 'vision-failed', message: messageOf(thrown) },
  });
  send(await perform(message).catch(failure));
});
