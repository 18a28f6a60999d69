import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StateIndicator } from '../../../device/hardware/panel/state-indicator.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { SimulatedPanel } from '../../support/simulated-panel.js';

const REFUSED_MS = 3_000;

const shown = () => {
  const clock = new SimulatedClock();
  const panel = new SimulatedPanel(clock);
  return { clock, panel, manner: new StateIndicator(panel, REFUSED_MS, clock) };
};

describe('what the person is shown', () => {
  it('is ready while an item can come, and busy else', () => {
    const { panel, manner } = shown();
    for (const phase of ['homing', 'capturing', 'moving']) {
      manner.phase(phase);
      assert.equal(panel.shown, 'busy');
    }
    manner.phase('idle');
    assert.equal(panel.shown, 'ready');
  });

  it('is a refusal for its time, counted from the last one', async () => {
    const { clock, panel, manner } = shown();
    manner.refused();
    manner.phase('idle');
    await clock.advance(2_000);
    manner.refused();
    await clock.advance(2_000);
    assert.equal(panel.shown, 'refused');
    await clock.advance(1_000);
    assert.equal(panel.shown, 'ready');
    assert.equal(clock.waiting, 0);
  });

  it('is a fault before all else, until each part is well', () => {
    const { panel, manner } = shown();
    manner.phase('idle');
    manner.health('camera', true);
    manner.health('gate', true);
    manner.refused();
    assert.equal(panel.shown, 'fault');
    manner.health('camera', false);
    assert.equal(panel.shown, 'fault');
    manner.health('gate', false);
    assert.equal(panel.shown, 'refused');
  });

  it('is nothing once it is closed', () => {
    const { clock, panel, manner } = shown();
    manner.phase('idle');
    manner.refused();
    manner.close();
    assert.equal(panel.shown, 'off');
    assert.equal(clock.waiting, 0);
  });
});
