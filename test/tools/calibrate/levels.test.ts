import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '../../../device/config/load.js';
import { SimulatedLines } from '../../../device/hardware/lines/simulated-lines.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { configuredInputs } from '../../../device/tools/calibrate/inputs.js';
import { type LevelStyle, watchLevels } from '../../../device/tools/calibrate/levels.js';
import { WatchedLines } from '../../support/watched-lines.js';
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

/** The keys of everything that has a bias, as inputs have and nothing else. */
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
  const over = watchLevels({ inputs: INPUTS, lines, screen, style, clock }, stop.signal);
  return { clock, lines, screen, stop, over };
};

describe('the inputs of a configuration', () => {
  it('are all there, each under its key and by a name of its own', () => {
    for (const yaml of [FULL, `${LINES}\ntrigger: { driver: line, input: { chip: a, offset: 1 } }`, '']) {
      const config = parseConfig(yaml, 'x');
      const inputs = configuredInputs(config);
      assert.deepEqual(inputs.map(({ key }) => key).sort(), inputsIn(config).sort());
      assert.equal(new Set(inputs.map(({ name }) => name)).size, inputs.length);
    }
  });
});

describe('the levels', () => {
  it('are told as they are, and then each change at the time of its edge', async () => {
    const { clock, lines, screen, stop, over } = watch('json');
    await clock.advance(0);
    assert.deepEqual(
      screen.said.map((line) => JSON.parse(line)),
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
      screen.said.slice(3).map((line) => JSON.parse(line)),
      [
        { at: '2026-01-01T00:00:01.250Z', input: 'gate.lid', active: true, edges: 1 },
        // Its debounce is 10 ms.
        { at: '2026-01-01T00:00:01.260Z', input: 'gate.home', active: true, edges: 1 },
        { at: '2026-01-01T00:00:01.300Z', input: 'gate.lid', active: false, edges: 2 },
      ],
    );
    stop.abort();
    await over;
    lines.set('lid', true);
    assert.deepEqual([screen.said.length, clock.waiting], [6, 0]);
  });

  it('are lines of text where there is no terminal', async () => {
    const { clock, lines, screen, stop, over } = watch('lines');
    await clock.advance(0);
    lines.set('lid', true);
    assert.match(screen.said.at(-1) ?? '', /^\d\d:\d\d:01\.000 {2}gate\.lid {2}active$/);
    stop.abort();
    await over;
  });

  it('stand in a table that lives, in which a line that flutters floods nobody', async () => {
    const { clock, lines, screen, stop, over } = watch('live');
    await clock.advance(0);
    assert.deepEqual(screen.said, []);
    for (let n = 0; n < 501; n++) lines.set('lid', n % 2 === 0);
    await clock.advance(100);
    assert.equal(screen.said.length, 21);
    assert.equal(screen.said.at(-1), '… and 481 changes more');
    assert.match(screen.text, /gate\.lid +active {2}501 changes, last/);
    stop.abort();
    await over;
    assert.equal(clock.waiting, 0);
  });

  it('say what became of a line whose chip is unplugged', async () => {
    const { clock, lines, screen, stop, over } = watch('json');
    await clock.advance(0);
    lines.unplug('lid');
    lines.plug('lid');
    const [gone, back] = screen.said.slice(3).map((line) => JSON.parse(line));
    assert.deepEqual([gone.fault, back], ['line-gone', { fault: null, message: 'the lines work again' }]);
    assert.match(gone.message, /^"lid" was unplugged/);
    stop.abort();
    await over;
  });

  it('are refused while the bin runs, and where no input is named', async () => {
    const clock = new SimulatedClock();
    const lines = new WatchedLines(clock);
    lines.fail('gate.home', 'line-busy');
    const options = { lines, screen: new ScreenInMemory(), style: 'lines', clock } as const;
    const never = new AbortController().signal;
    await assert.rejects(watchLevels({ ...options, inputs: INPUTS }, never), {
      code: 'calibrate-busy',
      message: /^gate\.home: .*stop it first/,
    });
    await assert.rejects(watchLevels({ ...options, inputs: [] }, never), { code: 'calibrate-nothing' });
  });
});
