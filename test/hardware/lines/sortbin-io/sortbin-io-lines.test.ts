import { pino } from 'pino';
import { SortbinIoLines } from '../../../../device/hardware/lines/sortbin-io/sortbin-io-lines.js';
import { nowNs } from '../../../../device/hardware/lines/time.js';
import { SystemClock } from '../../../../device/kit/clock.js';
import { linesContract } from '../../../contract/lines-contract.js';
import { FakeIo } from '../../../support/hardware/fake-io.js';

const never = new AbortController().signal;

linesContract('fake sortbin-io', async () => {
  const clock = new SystemClock();
  const fake = await new FakeIo().start();
  const lines = new SortbinIoLines({
    path: fake.path,
    leaseMs: 400,
    answerMs: 10_000,
    clock,
    log: pino({ level: 'silent' }),
  });
  await lines.start(never);
  return {
    lines,
    at: (name) => ({ line: name }),
    missingLine: { chip: 'nowhere', offset: 0 },
    servo: { chip: '0', channel: 0 },
    press: (name, active) => fake.press(name, active),
    level: (name) => fake.level(name),
    nowNs: () => nowNs(clock),
    advance: async () => {},
    close: async () => {
      await lines.close();
      await fake.stop();
    },
  };
});
