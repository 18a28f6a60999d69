import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type {
  Edge,
  Input,
  LineFault,
  LineRef,
  Lines,
  Off,
  Output,
  PwmRef,
} from '../../device/hardware/lines/lines.js';
import type { Answer } from '../../device/kit/errors.js';

/** The lines that the contract takes, and whether their low level counts. */
export const CONTRACT_LINES = {
  lid: { activeLow: false },
  button: { activeLow: true },
  gate: { activeLow: false },
  flap: { activeLow: true },
} as const;
type Name = keyof typeof CONTRACT_LINES;

/** Lines that are started, and a hand outside of the machine; all inputs are inactive at first. */
export interface LinesBench {
  readonly lines: Lines;
  at(name: Name): LineRef;
  /** A line of a chip that is not there. */
  readonly nowhere: LineRef;
  /** A channel, where there is PWM. */
  readonly servo: PwmRef | null;
  /** Makes an input active or not; what its lines levels are then is for the bench to say. */
  press(input: Name, active: boolean): void | Promise<void>;
  /** Whether an output is on, or its servo gets pulses, seen from outside. */
  level(output: Name | 'servo'): boolean | Promise<boolean>;
  /** Nanoseconds of the clock that the lines have. */
  nowNs(): bigint;
  /** Lets time pass where it does not do so by itself. */
  pass(ms: number): Promise<void>;
  /** Closes the lines, and ends what was set up. */
  close(): Promise<void>;
}

const never = new AbortController().signal;
const BOUND_MS = 30_000;
/** Longer than any bench needs to see that a line is on. */
const LONG_MS = 60_000;

const value = <T>(answer: Answer<T, LineFault>): T => {
  if (!answer.ok) assert.fail(`${answer.fault.code}: ${answer.fault.message}`);
  return answer.value;
};

const codeOf = (answer: Answer<unknown, LineFault>): LineFault | null =>
  answer.ok ? null : answer.fault.code;

export const linesContract = (name: string, make: () => Promise<LinesBench>) =>
  describe(`lines: ${name}`, () => {
    /** A test with a bench of its own. */
    const proves = (what: string, test: (bench: LinesBench, context: TestContext) => Promise<void>) =>
      it(what, { timeout: 4 * BOUND_MS }, async (context) => {
        const bench = await make();
        try {
          await test(bench, context);
        } finally {
          await bench.close();
        }
      });

    proves('tell the level of an input and each edge, until they are no longer asked to', async (bench) => {
      const lid = await takeInput(bench, 'lid');
      assert.equal(value(await lid.active()), false);
      const edges: Edge[] = [];
      const end = lid.onEdge((edge) => edges.push(edge));
      const beforeNs = bench.nowNs();
      await bench.press('lid', true);
      await until(bench, 'an edge', () => edges.length === 1);
      assert.equal(value(await lid.active()), true);
      await bench.press('lid', false);
      await until(bench, 'another edge', () => edges.length === 2);
      assert.deepEqual(
        edges.map(({ active, missed }) => [active, missed]),
        [
          [true, 0],
          [false, 0],
        ],
      );
      const times = [beforeNs, ...edges.map(({ atNs }) => atNs), bench.nowNs()];
      assert.deepEqual(times, [...times].sort(ascending));
      end();
      const again: Edge[] = [];
      lid.onEdge((edge) => again.push(edge));
      await bench.press('lid', true);
      await until(bench, 'a third edge', () => again.length === 1);
      assert.equal(edges.length, 2);
    });

    proves('turn the level of an input round where low counts', async (bench) => {
      const button = await takeInput(bench, 'button');
      assert.equal(value(await button.active()), false);
      const edges: Edge[] = [];
      button.onEdge((edge) => edges.push(edge));
      await bench.press('button', true);
      await until(bench, 'an edge', () => edges.length === 1);
      assert.equal(edges[0]?.active, true);
      assert.equal(value(await button.active()), true);
    });

    proves('give a pulse of its length and say so', async (bench) => {
      const gate = await takeOutput(bench, 'gate');
      assert.equal(await bench.level('gate'), false);
      const beforeNs = bench.nowNs();
      const off = value(await passing(bench, gate.pulse(50, never)));
      assert.equal(off.reason, 'time');
      assert.ok(off.atNs - beforeNs >= 50_000_000n && off.atNs <= bench.nowNs());
      assert.equal(await bench.level('gate'), false);
    });

    proves('have an output on until it is aborted, where low is on too', async (bench) => {
      for (const name of ['gate', 'flap'] as const) {
        const output = await takeOutput(bench, name);
        assert.equal(await bench.level(name), false);
        const abort = new AbortController();
        const hold = output.hold(abort.signal);
        await until(bench, `${name} is on`, () => bench.level(name));
        abort.abort();
        assert.equal(value(await passing(bench, hold)).reason, 'command');
        assert.equal(await bench.level(name), false);
      }
    });

    proves(
      'end a pulse that is aborted, and give none to a signal that is aborted already',
      async (bench) => {
        const gate = await takeOutput(bench, 'gate');
        const abort = new AbortController();
        const pulse = gate.pulse(LONG_MS, abort.signal);
        await until(bench, 'the gate is on', () => bench.level('gate'));
        abort.abort();
        assert.equal(value(await passing(bench, pulse)).reason, 'command');
        assert.equal(value(await gate.pulse(LONG_MS, abort.signal)).reason, 'command');
        assert.equal(await bench.level('gate'), false);
      },
    );

    proves('keep the bound of an output, leases renewed or not', async (bench) => {
      const gate = await takeOutput(bench, 'gate', { maxOnMs: 1_200 });
      assert.equal(value(await passing(bench, gate.hold(never))).reason, 'bound');
      assert.equal(await bench.level('gate'), false);
      assert.equal(value(await passing(bench, gate.pulse(LONG_MS, never))).reason, 'bound');
    });

    proves('refuse an output that is on, and what is no time', async (bench) => {
      const gate = await takeOutput(bench, 'gate');
      const hold = gate.pulse(LONG_MS, never);
      await until(bench, 'the gate is on', () => bench.level('gate'));
      assert.equal(codeOf(await gate.pulse(10, never)), 'line-refused');
      assert.equal(await bench.level('gate'), true);
      await bench.lines.safe();
      await hold;
      for (const onMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.equal(codeOf(await gate.pulse(onMs, never)), 'line-refused');
      }
    });

    proves('have an output rest after it was on', async (bench) => {
      const gate = await takeOutput(bench, 'gate', { minOffMs: 400 });
      const first = value(await passing(bench, gate.pulse(10, never)));
      let answer = await passing(bench, gate.pulse(10, never));
      while (codeOf(answer) === 'line-refused') {
        await bench.pass(20);
        answer = await passing(bench, gate.pulse(10, never));
      }
      assert.ok(value(answer).atNs - first.atNs >= 400_000_000n);
    });

    proves('have one output of a group on at most', async (bench) => {
      const gate = await takeOutput(bench, 'gate', { group: 'motors' });
      const flap = await takeOutput(bench, 'flap', { group: 'motors' });
      const abort = new AbortController();
      const hold = gate.hold(abort.signal);
      await until(bench, 'the gate is on', () => bench.level('gate'));
      assert.equal(codeOf(await flap.pulse(10, never)), 'line-refused');
      assert.equal(await bench.level('flap'), false);
      abort.abort();
      await passing(bench, hold);
      assert.equal(value(await passing(bench, flap.pulse(10, never))).reason, 'time');
    });

    proves('keep an output off while a guard is active', async (bench) => {
      const lid = await takeInput(bench, 'lid');
      const gate = await takeOutput(bench, 'gate', { guards: ['lid'] });
      const hold = gate.hold(never);
      await until(bench, 'the gate is on', () => bench.level('gate'));
      await bench.press('lid', true);
      assert.equal(value(await passing(bench, hold)).reason, 'guard');
      assert.equal(await bench.level('gate'), false);
      assert.equal(codeOf(await gate.pulse(10, never)), 'line-guarded');
      await bench.press('lid', false);
      await until(bench, 'the lid is shut', async () => !value(await lid.active()));
      assert.equal(value(await passing(bench, gate.pulse(10, never))).reason, 'time');
    });

    proves('turn all off by safe, and work after that', async (bench) => {
      const gate = await takeOutput(bench, 'gate');
      const flap = await takeOutput(bench, 'flap');
      const both = [gate.hold(never), flap.pulse(LONG_MS, never)];
      await until(
        bench,
        'both are on',
        async () => (await bench.level('gate')) && (await bench.level('flap')),
      );
      await bench.lines.safe();
      assert.equal(await bench.level('gate'), false);
      assert.equal(await bench.level('flap'), false);
      const reasons = (await Promise.all(both)).map((answer) => value(answer).reason);
      assert.deepEqual(reasons, ['command', 'command']);
      assert.equal(value(await passing(bench, gate.pulse(10, never))).reason, 'time');
    });

    proves(
      'refuse a name that is taken, a guard that is none, and a line that is not there',
      async (bench) => {
        await takeInput(bench, 'lid');
        const rules = { at: bench.at('button'), bias: 'as-is', activeLow: false, debounceMs: 0 } as const;
        assert.equal(codeOf(await bench.lines.input('lid', rules)), 'line-refused');
        assert.equal(codeOf(await bench.lines.input('No Name', rules)), 'line-refused');
        assert.equal(
          codeOf(await bench.lines.output('gate', outputRules(bench, 'gate', { guards: ['x'] }))),
          'line-refused',
        );
        const missing = await bench.lines.input('ghost', { ...rules, at: bench.nowhere });
        assert.equal(codeOf(missing), 'line-missing');
        assert.match(!missing.ok ? missing.fault.message : '', /ghost/);
        value(await bench.lines.input('ghost', rules));
      },
    );

    proves('give a servo pulses within its limits until aborted', async (bench, context) => {
      if (!bench.servo) return context.skip('there is no PWM');
      const limits = { periodUs: 20_000, minPulseUs: 600, maxPulseUs: 2_400, maxOnMs: LONG_MS };
      const servo = value(await bench.lines.pwm('servo', { at: bench.servo, ...limits, guards: [] }));
      const abort = new AbortController();
      const drive = servo.drive(1_500, abort.signal);
      await until(bench, 'there are pulses', () => bench.level('servo'));
      abort.abort();
      assert.equal(value(await passing(bench, drive)).reason, 'command');
      assert.equal(await bench.level('servo'), false);
      for (const pulseUs of [599, 2_401, Number.NaN]) {
        assert.equal(codeOf(await servo.drive(pulseUs, never)), 'line-refused');
      }
    });

    proves('turn all off when they are closed, and do nothing after that', async (bench) => {
      const lid = await takeInput(bench, 'lid');
      const gate = await takeOutput(bench, 'gate');
      const hold = gate.hold(never);
      await until(bench, 'the gate is on', () => bench.level('gate'));
      await bench.lines.close();
      assert.equal(value(await hold).reason, 'command');
      assert.equal(await bench.level('gate'), false);
      assert.equal(codeOf(await gate.pulse(10, never)), 'lines-down');
      assert.equal(codeOf(await lid.active()), 'lines-down');
      await bench.lines.safe();
      await bench.lines.close();
    });
  });

const takeInput = async (bench: LinesBench, name: 'lid' | 'button'): Promise<Input> => {
  const { activeLow } = CONTRACT_LINES[name];
  return value(
    await bench.lines.input(name, { at: bench.at(name), bias: 'as-is', activeLow, debounceMs: 0 }),
  );
};

interface Limits {
  readonly maxOnMs?: number;
  readonly minOffMs?: number;
  readonly group?: string;
  readonly guards?: readonly string[];
}

const outputRules = (bench: LinesBench, name: 'gate' | 'flap', limits: Limits) => {
  const { maxOnMs = LONG_MS, minOffMs = 0, group = null, guards = [] } = limits;
  return { at: bench.at(name), ...CONTRACT_LINES[name], maxOnMs, minOffMs, group, guards };
};

const takeOutput = async (bench: LinesBench, name: 'gate' | 'flap', limits: Limits = {}): Promise<Output> =>
  value(await bench.lines.output(name, outputRules(bench, name, limits)));

/** What comes of a command, while time passes. */
const passing = async (bench: LinesBench, work: Promise<Answer<Off, LineFault>>) => {
  let answer: Answer<Off, LineFault> | null = null;
  void work.then((settled) => {
    answer = settled;
  });
  await until(bench, 'it is off again', () => answer !== null);
  return work;
};

const until = async (bench: LinesBench, what: string, holds: () => boolean | Promise<boolean>) => {
  const endMs = performance.now() + BOUND_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) assert.fail(`within ${BOUND_MS} ms it did not come to this: ${what}`);
    await bench.pass(10);
    await wait(1);
  }
};

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
