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

/** The lines that the contract requests, and whether their low level is active. */
export const CONTRACT_LINES = {
  lid: { activeLow: false },
  button: { activeLow: true },
  gate: { activeLow: false },
  flap: { activeLow: true },
} as const;
type Name = keyof typeof CONTRACT_LINES;

/** Started lines, with access to their levels from outside. All inputs are inactive at first. */
export interface LinesBench {
  readonly lines: Lines;
  at(name: Name): LineRef;
  /** A line of a chip that does not exist. */
  readonly missingLine: LineRef;
  /** A PWM channel, or null if the driver has none. */
  readonly servo: PwmRef | null;
  /** Sets whether an input is active. The bench chooses the level for it. */
  press(input: Name, active: boolean): void | Promise<void>;
  /** Returns whether an output is on, or the servo receives pulses, measured from outside. */
  level(output: Name | 'servo'): boolean | Promise<boolean>;
  /** Returns nanoseconds of the clock of the lines. */
  nowNs(): bigint;
  /** Advances a simulated clock. Does nothing with a real one. */
  advance(ms: number): Promise<void>;
  /** Closes the lines and removes the setup of the bench. */
  close(): Promise<void>;
}

const never = new AbortController().signal;
const DEADLINE_MS = 30_000;
/** Longer than any bench needs to measure that a line is on. */
const LONG_MS = 60_000;

const value = <T>(answer: Answer<T, LineFault>): T => {
  if (!answer.ok) assert.fail(`${answer.fault.code}: ${answer.fault.message}`);
  return answer.value;
};

const codeOf = (answer: Answer<unknown, LineFault>): LineFault | null =>
  answer.ok ? null : answer.fault.code;

export const linesContract = (name: string, make: () => Promise<LinesBench>) =>
  describe(`lines: ${name}`, () => {
    /** Defines a test with its own bench. */
    const testLines = (behaviour: string, test: (bench: LinesBench, context: TestContext) => Promise<void>) =>
      it(behaviour, { timeout: 4 * DEADLINE_MS }, async (context) => {
        const bench = await make();
        try {
          await test(bench, context);
        } finally {
          await bench.close();
        }
      });

    testLines('report the level of an input and each edge, until the listener is removed', async (bench) => {
      const lid = await requestInput(bench, 'lid');
      assert.equal(value(await lid.active()), false);
      const edges: Edge[] = [];
      const removeListener = lid.onEdge((edge) => edges.push(edge));
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
      removeListener();
      const later: Edge[] = [];
      lid.onEdge((edge) => later.push(edge));
      await bench.press('lid', true);
      await until(bench, 'a third edge', () => later.length === 1);
      assert.equal(edges.length, 2);
    });

    testLines('invert the level of an input that is active low', async (bench) => {
      const button = await requestInput(bench, 'button');
      assert.equal(value(await button.active()), false);
      const edges: Edge[] = [];
      button.onEdge((edge) => edges.push(edge));
      await bench.press('button', true);
      await until(bench, 'an edge', () => edges.length === 1);
      assert.equal(edges[0]?.active, true);
      assert.equal(value(await button.active()), true);
    });

    testLines('turn an output on for the time of a pulse, and report the end', async (bench) => {
      const gate = await requestOutput(bench, 'gate');
      assert.equal(await bench.level('gate'), false);
      const beforeNs = bench.nowNs();
      const off = value(await settle(bench, gate.pulse(50, never)));
      assert.equal(off.reason, 'time');
      assert.ok(off.atNs - beforeNs >= 50_000_000n && off.atNs <= bench.nowNs());
      assert.equal(await bench.level('gate'), false);
    });

    testLines('hold an output on until the abort, also if it is active low', async (bench) => {
      for (const name of ['gate', 'flap'] as const) {
        const output = await requestOutput(bench, name);
        assert.equal(await bench.level(name), false);
        const abort = new AbortController();
        const hold = output.hold(abort.signal);
        await until(bench, `${name} is on`, () => bench.level(name));
        abort.abort();
        assert.equal(value(await settle(bench, hold)).reason, 'command');
        assert.equal(await bench.level(name), false);
      }
    });

    testLines('end a pulse on abort, and start none if the signal is already aborted', async (bench) => {
      const gate = await requestOutput(bench, 'gate');
      const abort = new AbortController();
      const pulse = gate.pulse(LONG_MS, abort.signal);
      await until(bench, 'the gate is on', () => bench.level('gate'));
      abort.abort();
      assert.equal(value(await settle(bench, pulse)).reason, 'command');
      assert.equal(value(await gate.pulse(LONG_MS, abort.signal)).reason, 'command');
      assert.equal(await bench.level('gate'), false);
    });

    testLines('turn an output off at its maximum on-time, even if its lease is renewed', async (bench) => {
      const gate = await requestOutput(bench, 'gate', { maxOnMs: 1_200 });
      assert.equal(value(await settle(bench, gate.hold(never))).reason, 'bound');
      assert.equal(await bench.level('gate'), false);
      assert.equal(value(await settle(bench, gate.pulse(LONG_MS, never))).reason, 'bound');
    });

    testLines('refuse an output that is on, and an invalid time', async (bench) => {
      const gate = await requestOutput(bench, 'gate');
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

    testLines('keep an output off for its minimum off-time', async (bench) => {
      const gate = await requestOutput(bench, 'gate', { minOffMs: 400 });
      const first = value(await settle(bench, gate.pulse(10, never)));
      let answer = await settle(bench, gate.pulse(10, never));
      while (codeOf(answer) === 'line-refused') {
        await bench.advance(20);
        answer = await settle(bench, gate.pulse(10, never));
      }
      assert.ok(value(answer).atNs - first.atNs >= 400_000_000n);
    });

    testLines('turn at most one output of a group on', async (bench) => {
      const gate = await requestOutput(bench, 'gate', { group: 'motors' });
      const flap = await requestOutput(bench, 'flap', { group: 'motors' });
      const abort = new AbortController();
      const hold = gate.hold(abort.signal);
      await until(bench, 'the gate is on', () => bench.level('gate'));
      assert.equal(codeOf(await flap.pulse(10, never)), 'line-refused');
      assert.equal(await bench.level('flap'), false);
      abort.abort();
      await settle(bench, hold);
      assert.equal(value(await settle(bench, flap.pulse(10, never))).reason, 'time');
    });

    testLines('keep an output off while a guard is active', async (bench) => {
      const lid = await requestInput(bench, 'lid');
      const gate = await requestOutput(bench, 'gate', { guards: ['lid'] });
      const hold = gate.hold(never);
      await until(bench, 'the gate is on', () => bench.level('gate'));
      await bench.press('lid', true);
      assert.equal(value(await settle(bench, hold)).reason, 'guard');
      assert.equal(await bench.level('gate'), false);
      assert.equal(codeOf(await gate.pulse(10, never)), 'line-guarded');
      await bench.press('lid', false);
      await until(bench, 'the lid is inactive', async () => !value(await lid.active()));
      assert.equal(value(await settle(bench, gate.pulse(10, never))).reason, 'time');
    });

    testLines('turn all outputs off by safe, and work after that', async (bench) => {
      const gate = await requestOutput(bench, 'gate');
      const flap = await requestOutput(bench, 'flap');
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
      assert.equal(value(await settle(bench, gate.pulse(10, never))).reason, 'time');
    });

    testLines(
      'refuse a name in use, a guard that is not an input, and a line that does not exist',
      async (bench) => {
        await requestInput(bench, 'lid');
        const rules = { at: bench.at('button'), bias: 'as-is', activeLow: false, debounceMs: 0 } as const;
        assert.equal(codeOf(await bench.lines.input('lid', rules)), 'line-refused');
        assert.equal(codeOf(await bench.lines.input('No Name', rules)), 'line-refused');
        assert.equal(
          codeOf(await bench.lines.output('gate', outputRules(bench, 'gate', { guards: ['x'] }))),
          'line-refused',
        );
        const missing = await bench.lines.input('ghost', { ...rules, at: bench.missingLine });
        assert.equal(codeOf(missing), 'line-missing');
        assert.match(!missing.ok ? missing.fault.message : '', /ghost/);
        value(await bench.lines.input('ghost', rules));
      },
    );

    testLines('send a servo pulses within its limits until the abort', async (bench, context) => {
      if (!bench.servo) return context.skip('this driver has no PWM');
      const limits = { periodUs: 20_000, minPulseUs: 600, maxPulseUs: 2_400, maxOnMs: LONG_MS };
      const servo = value(await bench.lines.pwm('servo', { at: bench.servo, ...limits, guards: [] }));
      const abort = new AbortController();
      const drive = servo.drive(1_500, abort.signal);
      await until(bench, 'the servo receives pulses', () => bench.level('servo'));
      abort.abort();
      assert.equal(value(await settle(bench, drive)).reason, 'command');
      assert.equal(await bench.level('servo'), false);
      for (const pulseUs of [599, 2_401, Number.NaN]) {
        assert.equal(codeOf(await servo.drive(pulseUs, never)), 'line-refused');
      }
    });

    testLines('turn all outputs off on close, and refuse every command after that', async (bench) => {
      const lid = await requestInput(bench, 'lid');
      const gate = await requestOutput(bench, 'gate');
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

const requestInput = async (bench: LinesBench, name: 'lid' | 'button'): Promise<Input> => {
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

const requestOutput = async (
  bench: LinesBench,
  name: 'gate' | 'flap',
  limits: Limits = {},
): Promise<Output> => value(await bench.lines.output(name, outputRules(bench, name, limits)));

/** Advances time until a command has settled, and returns its answer. */
const settle = async (bench: LinesBench, work: Promise<Answer<Off, LineFault>>) => {
  let answer: Answer<Off, LineFault> | null = null;
  void work.then((settled) => {
    answer = settled;
  });
  await until(bench, 'the output is off again', () => answer !== null);
  return work;
};

const until = async (bench: LinesBench, what: string, holds: () => boolean | Promise<boolean>) => {
  const endMs = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) assert.fail(`not within ${DEADLINE_MS} ms: ${what}`);
    await bench.advance(10);
    await wait(1);
  }
};

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
