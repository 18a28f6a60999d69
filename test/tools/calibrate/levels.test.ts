import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '../../../device/config/load.js';
import { SimulatedLines } from '../../../device/hardware/lines/simulated/simulated-lines.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { configuredInputs } from '../../../device/tools/calibrate/inputs.js';
import { type LevelStyle, watchLevels } from '../../../device/tools/calibrate/levels.js';
import { WatchedLines } from '../../support/hardware/watched-lines.js';
import { LINES, ScreenInMemory } from './support.js';

const FULL = `
trigger: { driver: ultrasonic, trig: { chip: a, offset: 1 }, echo: { chip: a, offset: 2 } }
gate:
  driver: servo
  lid: { chip: a, offset: 3 }
  home: { line: HOME }
  compartments: { paper: { pulseUs: 1000, end: { chip: a, offset: 4 } }, glass: { pulseUs: 2000 } }
fill:
  driver: ultrasonic
  sensors: { paper: { trig: { chip: a, offset: 5 }, echo: { chip: a, offset: 6 } } }
  emptied: { paper: { chip: a, offset: 7 } }
panel: { service: { chip: a, offset: 8 }, wrong: { chip: a, offset: 9 } }
`;

const INPUTS = configuredInputs(parseConfig(LINES, 'x'));

/** Returns the keys of all mappings with a bias, which only inputs have. */
const inputsIn = (value: unknown, key = ''): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  if ('bias' in value) return [key];
  return Object.entries(value).flatMap(([name, inner]) => inputsIn(inner, key ? `${key}.${name}` : name));
};

const watch = (style: LevelStyle) => {
  const clock = new SimulatedClock();
  const lines = new SimulatedLines({ clock });
  const screen = new ScreenInMemory();
  const stop = new AbortController();
  const ended = watchLevels({ inputs: INPUTS, lines, screen, style, clock }, stop.signal);
  return { clock, lines, screen, stop, ended };
};

describe('configuredInputs', () => {
  it('returns every input with its key and a unique name', () => {
    for (const yaml of [FULL, `${LINES}\ntrigger: { driver: line, input: { chip: a, offset: 1 } }`, '']) {
      const config = parseConfig(yaml, 'x');
      const inputs = configuredInputs(config);
      assert.deepEqual(inputs.map(({ key }) => key).sort(), inputsIn(config).sort());
      assert.equal(new Set(inputs.map(({ name }) => name)).size, inputs.length);
    }
  });
});

describe('watchLevels', () => {
  it('prints the levels, and then each change with the time of its edge', async () => {
    const { clock, lines, screen, stop, ended } = watch('json');
    await clock.advance(0);
    assert.deepEqual(
      screen.printed.map((line) => JSON.parse(line)),
      ['gate.lid', 'gate.home', 'gate.compartments.glass.end'].map((input) => ({
        at: '2026-01-01T00:00:01.000Z',
        input,
        active: false,
        edges: 0,
      })),
    );
    await clock.advance(250);
    lines.set('gate.home', true);
    lines.set('lid', true);
    await clock.advance(50);
    lines.set('lid', false);
    assert.deepEqual(
      screen.printed.slice(3).map((line) => JSON.parse(line)),
      [
        { at: '2026-01-01T00:00:01.250Z', input: 'gate.lid', active: true, edges: 1 },
        // This input has a debounce time of 10 ms.
        { at: '2026-01-01T00:00:01.260Z', input: 'gate.home', active: true, edges: 1 },
        { at: '2026-01-01T00:00:01.300Z', input: 'gate.lid', active: false, edges: 2 },
      ],
    );
    stop.abort();
    await ended;
    lines.set('lid', true);
    assert.deepEqual([screen.printed.length, clock.waiting], [6, 0]);
  });

  it('prints lines of text without a terminal', async () => {
    const { clock, lines, screen, stop, ended } = watch('lines');
    await clock.advance(0);
    lines.set('lid', true);
    assert.match(screen.printed.at(-1) ?? '', /^\d\d:\d\d:01\.000 {2}gate\.lid {2}active$/);
    stop.abort();
    await ended;
  });

  it('shows a live table, and limits the printed changes of a line that bounces', async () => {
    const { clock, lines, screen, stop, ended } = watch('live');
    await clock.advance(0);
    assert.deepEqual(screen.printed, []);
    for (let n = 0; n < 501; n++) lines.set('lid', n % 2 === 0);
    await clock.advance(100);
    assert.equal(screen.printed.length, 21);
    assert.equal(screen.printed.at(-1), '481 more changes');
    assert.match(screen.text, /gate\.lid +active {2}501 changes, last/);
    stop.abort();
    await ended;
    assert.equal(clock.waiting, 0);
  });

  it('prints the loss and the return of a line whose chip is unplugged', async () => {
    const { clock, lines, screen, stop, ended } = watch('json');
    await clock.advance(0);
    lines.unplug('lid');
    lines.plug('lid');
    const [gone, back] = screen.printed.slice(3).map((line) => JSON.parse(line));
    assert.deepEqual([gone.fault, back], ['line-gone', { fault: null, message: 'GPIO lines: recovered' }]);
    assert.match(gone.message, /^"lid": the chip was unplugged/);
    stop.abort();
    await ended;
  });

  it('is refused while the bin runs, and if no input is configured', async () => {
    const clock = new SimulatedClock();
    const lines = new WatchedLines(clock);
    lines.fail('gate.home', 'line-busy');
    const options = { lines, screen: new ScreenInMemory(), style: 'lines', clock } as const;
    const never = new AbortController().signal;
    await assert.rejects(watchLevels({ ...options, inputs: INPUTS }, never), {
      code: 'calibrate-busy',
      message: /^gate\.home: .*Stop it first/,
    });
    await assert.rejects(watchLevels({ ...options, inputs: [] }, never), { code: 'calibrate-nothing' });
  });
});
