/**
 * The vision child's entry: started by ForkedVision, speaks protocol.ts over Node's channel. Whatever can crash, hang
 * or be attacked (the decoder, native inference) is in here.
 */

import { SystemClock } from '../../kit/clock.js';
import { messageOf, SortbinError } from '../../kit/errors.js';
import type { Candidate } from '../inference/chain.js';
import { Classifier } from './classifier.js';
import { boundDecoder } from './preprocess.js';
import { type FromChild, PROTOCOL, type ToChild, type VisionOptions } from './protocol.js';
import { setScheduling } from './scheduling.js';

const send = (message: FromChild): void => {
  process.send?.(message);
};

const open = async (protocol: number, serve: VisionOptions): Promise<Classifier | null> => {
  try {
    if (protocol !== PROTOCOL) {
      const what = `the daemon speaks protocol ${protocol}, its child ${PROTOCOL}; build sortbin again`;
      throw new SortbinError('vision-protocol', what);
    }
    setScheduling(serve);
    boundDecoder();
    const trying = ({ title }: Candidate) => send({ type: 'trying', title });
    const classifier = await Classifier.open(serve, new SystemClock(), trying);
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
    if (!classifier) throw new Error('the child is not ready');
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

// Ctrl-C and systemd signal the whole group: the daemon ends its frame first, then this.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

// The daemon is gone or done. Not exit(): that would wait for a thread that hangs in native code.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

let opened: Promise<Classifier | null> = Promise.resolve(null);
process.on('message', async (message: ToChild) => {
  if (message.type === 'start') opened = open(message.protocol, message.serve);
  else await classify(await opened, message);
});
