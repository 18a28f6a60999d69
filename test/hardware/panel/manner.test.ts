import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Manner } from '../../../device/hardware/panel/manner.js';
import { SimulatedPerson } from '../../../device/hardware/panel/simulated-person.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';

const REFUSED_MS = 3_000;

const shown = () => {
  const clock = new SimulatedClock();
  const person = new SimulatedPerson(clock);
  return { clock, person, manner: new Manner(person, REFUSED_MS, clock) };
};

describe('what the person is shown', () => {
  it('is ready while an item can come, and busy else', () => {
    const { person, manner } = shown();
    for (const phase of ['homing', 'capturing', 'moving']) {
      manner.phase(phase);
      assert.equal(person.shown, 'busy');
    }
    manner.phase('idle');
    assert.equal(person.shown, 'ready');
  });

  it('is a refusal for its time, counted from the last one', async () => {
    const { clock, person, manner } = shown();
    manner.refused();
    manner.phase('idle');
    await clock.advance(2_000);
    manner.refused();
    await clock.advance(2_000);
    assert.equal(person.shown, 'refused');
    await clock.advance(1_000);
    assert.equal(person.shown, 'ready');
    assert.equal(clock.waiting, 0);
  });

  it('is a fault before all else, until each part is well', () => {
    const { person, manner } = shown();
    manner.phase('idle');
    manner.health('camera', true);
    manner.health('gate', true);
    manner.refused();
    assert.equal(person.shown, 'fault');
    manner.health('camera', false);
    assert.equal(person.shown, 'fault');
    manner.health('gate', false);
    assert.equal(person.shown, 'refused');
  });

  it('is nothing once it is closed', () => {
    const { clock, person, manner } = shown();
    manner.phase('idle');
    manner.refused();
    manner.close();
    assert.equal(person.shown, 'off');
    assert.equal(clock.waiting, 0);
  });
});
