import { createInterface } from 'node:readline';
import type { LineFault, Off } from '../../../device/hardware/lines/lines.js';
import type { Answer } from '../../../device/kit/errors.js';
import { makeGate, value } from './bin-lines.js';

// holder.js DRIVER [OUTPUTS_FILE]: holds the gate like the daemon, so that a test can kill it.
// It runs the commands `hold`, `pulse MS` and `block MS` from standard input and prints their results.
// On SIGTERM it closes the lines and exits, like the daemon.
const [driver = 'io', outputsFile] = process.argv.slice(2);
const { lines, request } = makeGate(driver, outputsFile);
const never = new AbortController().signal;
await lines.start(never);
const gate = value(await request());

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const printAnswer = (answer: Answer<Off, LineFault>): void => {
  print(answer.ok ? `off ${answer.value.reason}` : `fault ${answer.fault.code}`);
};
const block = (ms: number): void => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
  print('free');
};

lines.onHealth((fault) => print(fault ? 'down' : 'up'));
process.once('SIGTERM', async () => {
  await lines.close();
  process.exit(0);
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, ms] = line.split(' ');
    if (verb === 'hold') void gate.hold(never).then(printAnswer);
    else if (verb === 'pulse') void gate.pulse(Number(ms), never).then(printAnswer);
    else block(Number(ms));
  })
  .on('close', () => process.exit(1));
print('ready');
