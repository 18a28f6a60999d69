import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import type { Edge, LineFault } from '../../../device/hardware/lines/lines.js';
import { SortbinIoLines } from '../../../device/hardware/lines/sortbin-io/sortbin-io-lines.js';
import type { Clock } from '../../../device/kit/clock.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { FakeIo } from './fake-io.js';

const never = new AbortController().signal;

const INPUT = { at: { chip: 'bank', offset: 3 }, bias: 'as-is', activeLow: false, debounceMs: 0 } as const;
const OUTPUT = {
  at: { chip: 'bank', offset: 4 },
  activeLow: false,
  maxOnMs: 50_000,
  minOffMs: 0,
  group: null,
  guards: [],
} as const;

export interface IoBenchOptions {
  readonly clock?: Clock;
  readonly answerMs?: number;
  readonly leaseMs?: number;
  readonly outputsFile?: string;
}

/** Makes lines of a fake sortbin-io, closed after the test. By default their clock is simulated and stands still. */
export const makeIoBench = async (
  test: Pick<TestContext, 'after'>,
  { clock = new SimulatedClock(), answerMs = 1_000_000, leaseMs = 60_000, ...more }: IoBenchOptions = {},
) => {
  const fake = await new FakeIo().start();
  const health: (LineFault | null)[] = [];
  const details: (string | undefined)[] = [];
  const messages: string[] = [];
  const restartDelaysMs: number[] = [];
  const stream = new Writable({
    write: (line, _, next) => {
      const { delayMs } = JSON.parse(String(line));
      if (delayMs !== undefined) restartDelaysMs.push(delayMs);
      next();
    },
  });
  const lines = new SortbinIoLines({ path: fake.path, answerMs, leaseMs, clock, log: pino(stream), ...more });
  lines.onHealth((fault) => {
    health.push(fault?.code ?? null);
    details.push(fault?.detail);
    messages.push(fault?.message ?? '');
  });
  test.after(async () => {
    await lines.close();
    await fake.stop();
  });
  return {
    fake,
    lines,
    health,
    details,
    messages,
    /** The delay before each restart. */
    restartDelaysMs,
    async requestLines() {
      await lines.start(never);
      const lid = await lines.input('lid', INPUT);
      const gate = await lines.output('gate', OUTPUT);
      if (!lid.ok || !gate.ok) throw new Error('the fake sortbin-io refused a line');
      const edges: Edge[] = [];
      lid.value.onEdge((edge) => edges.push(edge));
      return { lid: lid.value, gate: gate.value, edges };
    },
    input: (name: string) => lines.input(name, INPUT),
    output: (name: string) => lines.output(name, OUTPUT),
    close: () => lines.close(),
  };
};
