import { newIoLines, outputRules } from './io-bench.js';

/** A daemon of its own, to be killed: it has the gate on, and says so. */
const lines = newIoLines();
await lines.start();
const gate = await lines.output('gate', outputRules('gate'));
if (!gate.ok) throw new Error(gate.fault.message);
process.stdout.write('holds\n');
await gate.value.hold(new AbortController().signal);
