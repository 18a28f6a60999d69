/**
 * Entry point of the vision process. VisionProcess starts it and exchanges the messages of protocol.ts over Node's IPC
 * channel. It contains everything that can crash, hang or be attacked: the image decoder and native inference.
 */

import { SystemClock } from '../../kit/clock.js';
import { messageOf, SortbinError } from '../../kit/errors.js';
import type { Candidate } from '../inference/chain.js';
import { Classifier } from './classifier.js';
import { limitDecoder } from './decode.js';
import { type FromChild, PROTOCOL, type ToChild, type VisionOptions } from './protocol.js';
import { setScheduling } from './scheduling.js';

const send = (message: FromChild): void => {
  process.send?.(message);
};

const open = async (protocol: number, options: VisionOptions): Promise<Classifier | null> => {
  try {
    if (protocol !== PROTOCOL) {
      const message = `the daemon uses protocol ${protocol}, but the vision process uses ${PROTOCOL}. Build sortbin again.`;
      throw new SortbinError('vision-protocol', message);
    }
    setScheduling(options);
    limitDecoder();
    const onTry = ({ title }: Candidate) => send({ type: 'trying', title });
    const classifier = await Classifier.open(options, new SystemClock(), onTry);
    send({ type: 'ready', protocol: PROTOCOL, info: classifier.info });
    return classifier;
  } catch (thrown) {
    const code = thrown instanceof SortbinError ? thrown.code : 'vision-failed';
    send({ type: 'refused', code, message: messageOf(thrown) });
    return null;
  }
};

const classify = async (
  classifier: Classifier | null,
  { id, bytes, format }: Extract<ToChild, { type: 'classify' }>,
): Promise<void> => {
  try {
    if (!classifier) throw new Error('the vision process is not ready');
    const answer = await classifier.classify(bytes, format ?? undefined);
    send(
      answer.ok
        ? { type: 'result', id, classification: answer.value }
        : { type: 'fault', id, ...answer.fault },
    );
  } catch (thrown) {
    send({ type: 'fault', id, code: 'vision-failed', message: messageOf(thrown) });
  }
};

// Ctrl-C and systemd send signals to the whole process group. The daemon finishes its frame, then ends this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

// The daemon has exited or has closed the channel. exit() would wait for a thread that hangs in native code.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

let opened: Promise<Classifier | null> = Promise.resolve(null);
process.on('message', async (message: ToChild) => {
  if (message.type === 'start') opened = open(message.protocol, message.options);
  else await classify(await opened, message);
});
