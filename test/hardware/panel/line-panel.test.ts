import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedLines } from '../../../device/hardware/lines/simulated/simulated-lines.js';
import { LineLight, noLight } from '../../../device/hardware/panel/light.js';
import { LinePanel } from '../../../device/hardware/panel/line-panel.js';
import type { IndicatorState } from '../../../device/hardware/panel/panel.js';
import type { Indicator, Pattern } from '../../../device/hardware/panel/pattern.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { panelContract } from '../../contract/panel-contract.js';
import { FakeInput, FakeOutput, unwrap } from '../../support/hardware/fake-lines.js';

panelContract('lines', async () => {
  const clock = new SimulatedClock(0);
  const lines = new SimulatedLines({ clock });
  const output = async (name: string, offset: number) => {
    const at = { chip: 'gpiochip0', offset };
    const rules = { at, activeLow: false, maxOnMs: 60_000, minOffMs: 0, group: null, guards: [] };
    return unwrap(await lines.output(name, rules));
  };
  const states = ['ready', 'busy', 'refused', 'fault'] as const;
  const indicators: Partial<Record<IndicatorState, Indicator[]>> = {};
  for (const [offset, state] of states.entries())
    indicators[state] = [{ output: await output(state, offset), pattern: 'steady' }];
  const at = { chip: 'gpiochip0', offset: 8 };
  const rules = { at, bias: 'pull-up', activeLow: true, debounceMs: 20 } as const;
  const input = unwrap(await lines.input('wrong', rules));
  const light = new LineLight({ output: await output('lamp', 9), settleMs: 150, clock });
  const panel = new LinePanel({ indicators, light, wrong: { input, minGapMs: 300 }, clock });
  return {
    panel,
    shown: () => states.filter((state) => lines.read(state) === 1).join('+') || 'off',
    press: async () => {
      await clock.advance(500);
      lines.set('wrong', true);
      await clock.advance(100);
      lines.set('wrong', false);
    },
    nowMs: () => clock.monotonicMs(),
    pass: (ms) => clock.advance(ms),
  };
});

const setUp = (patterns: Partial<Record<'ready' | 'refused' | 'fault', Pattern>>, maxOnMs?: number) => {
  const clock = new SimulatedClock(0);
  const led = new FakeOutput(clock, 'red', maxOnMs);
  const faults: (string | null)[] = [];
  const indicators = Object.fromEntries(
    Object.entries(patterns).map(([state, pattern]) => [state, [{ output: led, pattern }]]),
  );
  const panel = new LinePanel({
    indicators,
    light: noLight,
    wrong: null,
    clock,
    onFault: (_, fault) => faults.push(fault?.code ?? null),
  });
  return { clock, led, faults, panel };
};

describe('the indicators', () => {
  it('play a pattern once or repeatedly', async () => {
    const once = setUp({ refused: { onOffMs: [100, 50, 200], repeat: false } });
    once.panel.show('refused');
    await once.clock.advance(10_000);
    assert.deepEqual(once.led.history, [
      [0, true],
      [100, false],
      [150, true],
      [350, false],
    ]);
    const blinking = setUp({ fault: { onOffMs: [500, 500], repeat: true } });
    blinking.panel.show('fault');
    await blinking.clock.advance(2_600);
    assert.deepEqual(
      blinking.led.history.map(([atMs]) => atMs),
      [0, 500, 1_000, 1_500, 2_000, 2_500],
    );
    await blinking.panel.close();
    assert.deepEqual([blinking.led.on, blinking.clock.waiting], [false, 0]);
  });

  it('share one output between several states', async () => {
    const { clock, led, panel, faults } = setUp({ ready: 'steady', fault: { onOffMs: [70], repeat: false } });
    led.offDelayMs = 5;
    panel.show('ready');
    await clock.advance(1_000);
    panel.show('refused');
    panel.show('fault');
    await clock.advance(1_000);
    panel.show('ready');
    await clock.advance(1_000);
    assert.deepEqual(led.history, [
      [0, true],
      [1_005, false],
      [1_005, true],
      [1_075, false],
      [2_000, true],
    ]);
    assert.ok(!faults.includes('line-refused'));
    const closed = panel.close();
    await clock.advance(5);
    await closed;
    assert.equal(led.on, false);
  });

  it('turn on again 1 s after their maximum on-time or a fault', async () => {
    const { clock, led, panel, faults } = setUp({ ready: 'steady' }, 5_000);
    panel.show('ready');
    await clock.advance(5_500);
    led.fault = 'line-gone';
    await clock.advance(3_000);
    led.fault = null;
    await clock.advance(1_000);
    assert.deepEqual(
      led.history.map(([atMs]) => atMs),
      [0, 5_000, 9_000],
    );
    assert.deepEqual(faults, [null, 'line-gone', 'line-gone', 'line-gone']);
    const blinking = setUp({ fault: { onOffMs: [10, 10], repeat: true } });
    blinking.led.fault = 'lines-down';
    blinking.panel.show('fault');
    await blinking.clock.advance(5_000);
    assert.ok(blinking.faults.length <= 6);
  });

  it('refuse an invalid pattern', () => {
    const invalid: Pattern[] = [
      { onOffMs: [], repeat: false },
      { onOffMs: [0, 100], repeat: true },
      { onOffMs: [100], repeat: true },
    ];
    for (const pattern of invalid)
      assert.throws(() => setUp({ fault: pattern }), {
        code: 'pattern-invalid',
        message: /^"red": the pattern \[/,
      });
  });

  it('are optional', async () => {
    const { clock, panel, led } = setUp({});
    panel.onWrong(() => {})();
    panel.show('ready');
    assert.ok((await panel.light.on(new AbortController().signal)).ok);
    await panel.close();
    assert.deepEqual([led.history, clock.waiting], [[], 0]);
  });
});

describe('the button', () => {
  it('reports one press with the time of the first edge, even if the contact bounces', async () => {
    const clock = new SimulatedClock(0);
    const input = new FakeInput(clock, 'wrong');
    const panel = new LinePanel({ indicators: {}, light: noLight, wrong: { input, minGapMs: 300 }, clock });
    const times: number[] = [];
    panel.onWrong(({ atMs, wallMs }) => times.push(atMs, wallMs - Date.UTC(2026, 0, 1)));
    await clock.advance(1_000);
    input.set(true, 0, 995_000_000n);
    input.set(false);
    input.set(true);
    await clock.advance(200);
    input.set(false);
    input.set(true);
    assert.deepEqual(times, [995, 995]);
    await panel.close();
    assert.equal(input.listeners, 0);
  });
});

describe('the light for the camera', () => {
  const lamp = (maxOnMs?: number) => {
    const clock = new SimulatedClock(0);
    const output = new FakeOutput(clock, 'lamp', maxOnMs);
    const light = new LineLight({ output, settleMs: 150, clock });
    return { clock, output, light };
  };

  it('resolves after settleMs, and turns off when the signal is aborted', async () => {
    const { clock, output, light } = lamp();
    const abort = new AbortController();
    let settledAtMs = 0;
    const on = light.on(abort.signal).then((answer) => {
      settledAtMs = clock.monotonicMs();
      return answer;
    });
    await clock.advance(400);
    assert.ok((await on).ok);
    assert.deepEqual([settledAtMs, output.on], [150, true]);
    abort.abort(new Error('captured'));
    await clock.advance(0);
    assert.deepEqual([output.on, clock.waiting], [false, 0]);
  });

  it('turns off if the signal is aborted before settleMs', async () => {
    const { clock, output, light } = lamp();
    const abort = new AbortController();
    const on = light.on(abort.signal);
    await clock.advance(100);
    abort.abort(new Error('stopped'));
    await assert.rejects(on, /stopped/);
    await clock.advance(0);
    assert.deepEqual([output.on, clock.waiting], [false, 0]);
  });

  it('turns off after its maximum on-time', async () => {
    const { clock, output, light } = lamp(3_000);
    const on = light.on(new AbortController().signal);
    await clock.advance(10_000);
    assert.ok((await on).ok);
    assert.deepEqual(output.history, [
      [0, true],
      [3_000, false],
    ]);
  });

  it('returns the reason if it does not stay on', async () => {
    const { clock, output, light } = lamp(100);
    const short = light.on(new AbortController().signal);
    await clock.advance(200);
    const early = await short;
    assert.equal(!early.ok && early.fault.code, 'line-refused');
    output.fault = 'lines-down';
    const down = await light.on(new AbortController().signal);
    assert.equal(!down.ok && down.fault.code, 'lines-down');
    assert.equal(clock.waiting, 0);
  });

  it('has one user at a time', async () => {
    const { clock, output, light } = lamp();
    const [first, second] = [new AbortController(), new AbortController()];
    const one = light.on(first.signal);
    const other = light.on(second.signal);
    await clock.advance(500);
    assert.ok((await one).ok);
    first.abort(new Error('done'));
    await clock.advance(200);
    assert.ok((await other).ok);
    assert.equal(output.on, true);
    const third = light.on(first.signal);
    await assert.rejects(third, /done/);
    second.abort(new Error('done'));
    await clock.advance(0);
    assert.deepEqual([output.on, clock.waiting], [false, 0]);
  });
});
