import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../device/config/load.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { openGate } from '../../../device/tools/calibrate/gate-session.js';
import { RELEASE_TIMEOUT_MS } from '../../../device/tools/calibrate/hold-to-run.js';
import { WatchedLines } from '../../support/hardware/watched-lines.js';
import { ANGLES, LINES, SERVO, startSession } from './support.js';

describe('calibration of a servo', () => {
  it('moves by steps while an arrow is held, and Enter accepts the position', async () => {
    const { press, hold, clock, lines, quit } = await startSession(SERVO);
    await press('1');
    await hold('right', 100);
    assert.deepEqual(lines.on, ['gate-servo']);
    await clock.advance(RELEASE_TIMEOUT_MS);
    assert.deepEqual(lines.on, []);
    assert.deepEqual(
      lines.log.filter((line) => line.startsWith('+')),
      ['+gate-servo 1020', '+gate-servo 1030', '+gate-servo 1040'],
    );
    await press('up', 'left', 'down', 'down', 'left', 'enter');
    assert.deepEqual(await quit(), [
      { path: ['gate', 'compartments', 'paper', 'pulseUs'], from: 1000, to: 989 },
    ]);
    assert.equal(clock.waiting, 0);
  });

  it('stays within its pulse limits', async () => {
    const { press, hold, lines, quit } = await startSession(SERVO);
    await press('2', 'up');
    await hold('right', 300);
    assert.ok(lines.log.every((line) => !line.startsWith('+') || line === '+gate-servo 2100'));
    await press('enter');
    assert.deepEqual(await quit(), [
      { path: ['gate', 'compartments', 'glass', 'pulseUs'], from: 2090, to: 2100 },
    ]);
  });

  it('selects home by 0 and the next parameter by Tab, and discards a value that was not accepted', async () => {
    const { press, screen, quit } = await startSession(SERVO);
    await press('right', 'tab');
    assert.match(screen.text, /> 1 {2}paper/);
    await press('tab', 'tab', 'left', 'enter', '1', '0', 'right');
    assert.match(screen.text, /> 0 {2}home +1500 -> 1490 us/);
    assert.match(screen.text, /pulse 1500 us/);
    assert.deepEqual(await quit(), [{ path: ['gate', 'homePulseUs'], from: 1500, to: 1490 }]);
  });

  it('turns off if a key comes that does not move', async () => {
    for (const other of ['x', '1', 'tab', 'enter', 'up', 'other']) {
      const { press, hold, lines, quit } = await startSession(SERVO);
      await hold(' ', 100);
      assert.deepEqual(lines.on, ['gate-servo']);
      await press(other);
      assert.deepEqual(lines.on, [], other);
      await quit();
    }
  });

  for (const guard of ['lid', 'service'])
    it(`turns off if the guard ${guard} is active, shows the reason, and stays off until the key is released`, async () => {
      const { press, hold, clock, lines, screen, quit } = await startSession(SERVO);
      await hold(' ', 100);
      lines.set(guard, true);
      await clock.advance(50);
      assert.deepEqual(lines.on, []);
      assert.match(screen.text, /off: the lid or the service switch became active/);
      lines.set(guard, false);
      await clock.advance(50);
      await press(' ');
      assert.deepEqual(lines.on, []);
      await clock.advance(RELEASE_TIMEOUT_MS);
      await hold(' ', 0);
      assert.deepEqual(lines.on, ['gate-servo']);
      await quit();
    });

  it('turns off at its maximum on-time although the key is held', async () => {
    const { hold, lines, quit } = await startSession(SERVO);
    await hold(' ', 6_000);
    assert.deepEqual(lines.log, ['+gate-servo 1500', '-gate-servo bound']);
    await quit();
  });
});

describe('calibration of a servo with angles', () => {
  const degrees = (name: string) => ['gate', 'compartments', name, 'degrees'];

  it('moves by degrees to a position in degrees, and Enter accepts tenths of a degree', async () => {
    const { press, hold, lines, screen, quit } = await startSession(ANGLES);
    assert.match(screen.text, /> 0 {2}home +0 degrees/);
    await press('1');
    assert.match(screen.text, /-45\.25 degrees, pulse 1048 us \(-60 to 60\), step 1 degrees/);
    await press('enter');
    await hold('left', 50);
    assert.deepEqual(lines.on, ['gate-servo']);
    assert.equal(lines.log.filter((line) => line.startsWith('+')).at(-1), '+gate-servo 1018');
    await press('down', 'right', 'enter');
    assert.match(screen.text, /paper +-45\.25 -> -48\.1 degrees/);
    assert.deepEqual(await quit(), [{ path: degrees('paper'), from: -45.25, to: -48.1 }]);
  });

  it('changes no value that was not moved', async () => {
    const { press, quit } = await startSession(ANGLES);
    await press('enter', '1', 'enter', '2', 'enter', '3', 'enter', '4', 'enter');
    assert.deepEqual(await quit(), []);
  });

  it('stays within its pulse limits and within the calibration', async () => {
    const { press, hold, lines, quit } = await startSession(ANGLES);
    await press('1', 'up', 'left', 'left', 'left');
    await hold('left', 300);
    await press('enter', '0', ...Array.from({ length: 40 }, () => 'right'));
    await hold(' ', 50);
    await press('enter');
    const driven = lines.log.flatMap((line) => (line.startsWith('+') ? [Number(line.split(' ')[1])] : []));
    assert.deepEqual([Math.min(...driven), Math.max(...driven)], [900, 2100]);
    assert.deepEqual(await quit(), [
      { path: degrees('paper'), from: -45.25, to: -60 },
      { path: ['gate', 'homeDegrees'], from: 0, to: 60 },
    ]);
  });

  it('shows pulse and angle of a position in microseconds, and keeps the unit', async () => {
    const { press, screen, quit } = await startSession(ANGLES);
    await press('2');
    assert.match(screen.text, /pulse 2000 us, 50\.0 degrees \(900 to 2100\), step 10 us/);
    await press('right', 'enter');
    assert.deepEqual(await quit(), [
      { path: ['gate', 'compartments', 'glass', 'pulseUs'], from: 2000, to: 2010 },
    ]);
  });

  it('calibrates the calibration points, and uses the new points at once', async () => {
    const { press, hold, lines, screen, quit } = await startSession(ANGLES);
    await press('3');
    assert.match(screen.text, /> 3 {2}calibration from +600 us/);
    assert.match(screen.text, /pulse 600 us for -90 degrees/);
    await press('right', 'enter', 'tab');
    assert.match(screen.text, /> 4 {2}calibration to +2400 us/);
    assert.match(screen.text, /pulse 2400 us for 90 degrees/);
    await press('left', 'enter', '0', 'right');
    // 900 to 2100 us for 180 degrees, instead of 10 us per degree.
    assert.match(screen.text, /1 degrees, pulse 1507 us \(-90 to 90\)/);
    await hold(' ', 50);
    assert.equal(lines.log.at(-1), '+gate-servo 1507');
    assert.deepEqual(await quit(), [
      { path: ['gate', 'calibration', 'fromUs'], from: 600, to: 900 },
      { path: ['gate', 'calibration', 'toUs'], from: 2400, to: 2100 },
    ]);
  });

  it('does not move if both calibration points have the same pulse', async () => {
    const { press, hold, lines, screen, quit } = await startSession(ANGLES);
    const presses = (key: string) => Array.from({ length: 13 }, () => key);
    await press('3', 'up', ...presses('right'), 'enter', '4', ...presses('left'), 'enter', '1');
    assert.match(screen.text, /pulse 1500 us \(-90 to 90\)/);
    lines.log.length = 0;
    await hold('right', 100);
    assert.deepEqual(lines.on, ['gate-servo']);
    assert.ok(lines.log.every((line) => !line.startsWith('+') || line === '+gate-servo 1500'));
    await quit();
  });
});

describe('calibration of outputs', () => {
  it('measures how long the key was held if there is no end switch', async () => {
    const { press, hold, clock, lines, screen, quit } = await startSession(LINES);
    await hold(' ', 300);
    assert.deepEqual(lines.on, ['gate-paper']);
    await press('enter');
    await clock.advance(RELEASE_TIMEOUT_MS);
    await hold(' ', 350);
    await clock.advance(RELEASE_TIMEOUT_MS);
    assert.deepEqual(lines.on, []);
    assert.match(screen.text, /held for 350 ms\. onMs: 350\./);
    await press('enter');
    assert.deepEqual(await quit(), [{ path: ['gate', 'compartments', 'paper', 'onMs'], from: 400, to: 350 }]);
  });

  it('measures until the end switch, turns off there, and proposes a margin of 50 %', async () => {
    const { press, hold, clock, lines, screen, quit } = await startSession(LINES);
    await press('2');
    await hold(' ', 200);
    await clock.advance(13);
    lines.set('gate-glass.end', true);
    await clock.advance(0);
    assert.deepEqual(lines.log, ['+gate-glass', '-gate-glass command']);
    assert.match(screen.text, /end switch reached after 213 ms\. onMs with a margin of 50 %: 320\./);
    for (let n = 0; n < 10; n++) {
      await press(' ');
      await clock.advance(50);
    }
    assert.equal(lines.log.length, 2);
    await press('enter');
    assert.deepEqual(await quit(), [{ path: ['gate', 'compartments', 'glass', 'onMs'], from: 400, to: 320 }]);
  });

  it('proposes nothing if the end switch was not reached, is stuck, or the maximum on-time expired', async () => {
    const { press, hold, clock, lines, screen, quit } = await startSession(LINES);
    await press('2');
    await hold(' ', 200);
    await clock.advance(RELEASE_TIMEOUT_MS);
    assert.match(screen.text, /released after 200 ms, before "gate-glass.end" was active/);
    await press('enter');
    lines.set('gate-glass.end', true);
    await hold(' ', 200);
    assert.match(screen.text, /"gate-glass.end" is active before the move/);
    assert.deepEqual(lines.on, []);
    await press('enter', '1');
    await clock.advance(RELEASE_TIMEOUT_MS);
    await hold(' ', 2_000);
    assert.match(screen.text, /off: it reached its maximum on-time, maxOnMs/);
    await press('enter');
    assert.equal(lines.log.at(-1), '-gate-paper bound');
    assert.deepEqual(await quit(), []);
  });

  it('discards the measurement if another compartment was selected meanwhile', async () => {
    const { press, hold, clock, quit } = await startSession(LINES, 5);
    await hold(' ', 300);
    await press('tab');
    await clock.advance(50);
    await press('enter');
    assert.deepEqual(await quit(), []);
  });
});

describe('a calibration session', () => {
  for (const key of ['q', 'escape', 'ctrl-c'])
    it(`turns everything off and ends by ${key}`, async () => {
      const { hold, press, lines, ended, screen } = await startSession(LINES);
      await hold(' ', 100);
      await press(key);
      await ended;
      assert.deepEqual([lines.on, screen.shown], [[], []]);
    });

  it('turns everything off and ends if the terminal is closed', async () => {
    const { hold, keys, lines, ended, clock } = await startSession(SERVO);
    await hold(' ', 100);
    keys.end();
    await ended;
    assert.deepEqual([lines.on, clock.waiting], [[], 0]);
  });

  it('is refused while the bin owns its lines, and if no gate is configured', async () => {
    const clock = new SimulatedClock();
    const lines = new WatchedLines(clock);
    lines.fail('gate-glass', 'line-busy');
    await assert.rejects(openGate(parseConfig(LINES, 'x'), lines, clock), {
      code: 'calibrate-busy',
      message:
        /^gate\.compartments\.glass\.output: .*A running bin owns its lines and its camera\. Stop it first/,
    });
    lines.fail('gate-servo', 'line-missing');
    await assert.rejects(openGate(parseConfig('gate: { driver: servo }', 'x'), lines, clock), {
      code: 'calibrate-line',
    });
    for (const yaml of ['', 'gate: { driver: lines }'])
      await assert.rejects(openGate(parseConfig(yaml, 'x'), new WatchedLines(clock), clock), {
        code: 'calibrate-nothing',
      });
  });

  const MOVES = [' ', 'left', 'right'];
  const step = fc.oneof(
    fc.record({
      do: fc.constant('press' as const),
      key: fc.constantFrom(...MOVES, ' ', 'enter', '1', '2', 'tab', 'x'),
    }),
    fc.record({
      do: fc.constant('hold' as const),
      key: fc.constantFrom(...MOVES),
      times: fc.integer({ min: 2, max: 60 }),
    }),
    fc.record({
      do: fc.constant('switch' as const),
      name: fc.constantFrom('lid', 'end'),
      active: fc.boolean(),
    }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 700 }) }),
  );

  for (const [name, yaml] of Object.entries({ servo: SERVO, angles: ANGLES, lines: LINES }))
    it(`turns the ${name} off within the timeout after the last key that moves, whatever is pressed`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 12 }),
          fc.integer({ min: 0, max: 3 }),
          async (steps, latencyMs) => {
            const { clock, lines, keys, inputs, quit } = await startSession(yaml, latencyMs);
            const isMove = (key: string) => key === ' ' || (name !== 'lines' && MOVES.includes(key));
            let offByMs = Number.NEGATIVE_INFINITY;
            const pass = async (ms: number) => {
              for (let left = ms; left > 0; left -= 25) {
                await clock.advance(Math.min(25, left));
                if (clock.monotonicMs() >= offByMs) assert.deepEqual(lines.on, []);
              }
            };
            const press = async (key: string) => {
              keys.press(key);
              // The previous command may still be in transit, and the next one follows it.
              const transitMs = 2 * latencyMs;
              offByMs = clock.monotonicMs() + transitMs + (isMove(key) ? RELEASE_TIMEOUT_MS : 0);
              await clock.advance(0);
            };
            for (const now of steps) {
              if (now.do === 'press') await press(now.key);
              else if (now.do === 'pass') await pass(now.ms);
              else if (now.do === 'switch') {
                const input = inputs.find((one) => one.name.endsWith(now.name));
                if (input) lines.set(input.name, now.active);
              } else
                for (let n = 0; n < now.times; n++) {
                  await press(now.key);
                  await pass(40);
                }
            }
            await quit();
            await clock.advance(10_000);
            assert.deepEqual([lines.on, clock.waiting], [[], 0]);
          },
        ),
        { numRuns: 60 },
      ));
});
