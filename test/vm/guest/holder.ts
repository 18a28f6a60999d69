import { createInterface } from 'node:readline';
import type { LineFault, Off } from '../../../device/hardware/lines/lines.js';
import type { Answer } from '../../../device/kit/errors.js';
import { makeGate, value } from './bin-lines.js';

// holder.js DRIVER [OUTPUTS_FILE]: a daemon as far as its lines go, to be killed. It takes the gate, does what it
// reads (`hold`, `pulse MS`, `block MS`) and says what comes of it. SIGTERM ends it in the daemon's order.
const [driver = 'io', outputsFile] = process.argv.slice(2);
const { lines, take } = makeGate(driver, outputsFile);
await lines.start();
const gate = value(await take());

const say = (words: string): void => {
  process.stdout.write(`${words}\n`);
};
const tell = (answer: Answer<Off, LineFault>): void => {
  say(answer.ok ? `off ${answer.value.reason}` : `fault ${answer.fault.code}`);
};
const block = (ms: number): void => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
  say('free');
};

const never = new AbortController().signal;
lines.onHealth((fault) => say(fault ? 'down' : 'up'));
process.once('SIGTERM', async () => {
  await lines.close();
  process.exit(0);
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, ms] = line.split(' ');
    if (verb === 'hold') void gate.hold(never).then(tell);
    else if (verb === 'pulse') void gate.pulse(Number(ms), never).then(tell);
    else block(Number(ms));
  })
  .on('close', () => process.exit(1));
say('ready');
