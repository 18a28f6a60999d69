import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { Observer } from '../../device/cycle/observer.js';
import { ObserverList } from '../../device/daemon/observer-list.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { makeBin } from '../support/bin.js';

const makeList = (observers: Record<string, Observer>) => {
  const logged: { observer: string; method: string; failures: number }[] = [];
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  return { list: new ObserverList(observers, log), logged };
};

const throws = () => {
  throw new Error('a page is broken');
};

describe('the list of observers', () => {
  it('isolates an observer that throws or rejects, logs it and counts its failures', async () => {
    const phases: string[] = [];
    const { list, logged } = makeList({
      page: { phase: throws },
      metrics: { phase: async () => throws() },
      log: { phase: (phase) => phases.push(phase) },
    });
    for (const phase of ['idle', 'capturing', 'classifying', 'moving', 'idle'] as const) list.phase(phase);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(phases, ['idle', 'capturing', 'classifying', 'moving', 'idle']);
    assert.deepEqual(Object.fromEntries(list.failures), { page: 5, metrics: 5 });
    const linesOf = (name: string) => logged.filter(({ observer }) => observer === name);
    assert.deepEqual(
      linesOf('page').map(({ method, failures }) => [method, failures]),
      [
        ['phase', 1],
        ['phase', 2],
        ['phase', 4],
      ],
      'a broken observer does not fill the log',
    );
    assert.equal(linesOf('metrics').length, 3);
  });

  it('lets the cycle sort every item although an observer throws at each call', async () => {
    const clock = new SimulatedClock();
    const bin = makeBin({ clock, read: async () => new Uint8Array(4) });
    const { list } = makeList({ page: { phase: throws, event: throws, health: throws } });
    bin.watch(list);
    await bin.parts.vision.start(new AbortController().signal);
    await bin.runner.start();
    await clock.advance(10);
    for (let item = 1; item <= 3; item++) {
      bin.trigger.fire();
      await clock.advance(200);
    }
    assert.deepEqual(
      bin.journalled.map(({ event }) => event.outcome),
      ['sorted', 'sorted', 'sorted'],
    );
    assert.equal(bin.runner.phase, 'idle');
    assert.deepEqual(bin.fatal, []);
  });
});
