import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StateIndicator } from '../../../device/hardware/panel/state-indicator.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { SimulatedPanel } from '../../support/hardware/simulated-panel.js';

const REFUSED_MS = 3_000;

const setUp = () => {
  const clock = new SimulatedClock();
  const panel = new SimulatedPanel(clock);
  return { clock, panel, indicator: new StateIndicator(panel, REFUSED_MS, clock) };
};

describe('the indicator state', () => {
  it('is ready in the phase idle, and busy in all others', () => {
    const { panel, indicator } = setUp();
    for (const phase of ['homing', 'capturing', 'moving']) {
      indicator.phase(phase);
      assert.equal(panel.shown, 'busy');
    }
    indicator.phase('idle');
    assert.equal(panel.shown, 'ready');
  });

  it('is refused for refusedMs after the last refusal', async () => {
    const { clock, panel, indicator } = setUp();
    indicator.refused();
    indicator.phase('idle');
    await clock.advance(2_000);
    indicator.refused();
    await clock.advance(2_000);
    assert.equal(panel.shown, 'refused');
    await clock.advance(1_000);
    assert.equal(panel.shown, 'ready');
    assert.equal(clock.waiting, 0);
  });

  it('is fault with priority, until every part has recovered', () => {
    const { panel, indicator } = setUp();
    indicator.phase('idle');
    indicator.health('camera', true);
    indicator.health('gate', true);
    indicator.refused();
    assert.equal(panel.shown, 'fault');
    indicator.health('camera', false);
    assert.equal(panel.shown, 'fault');
    indicator.health('gate', false);
    assert.equal(panel.shown, 'refused');
  });

  it('does not show a fault of the broker, without which the bin still sorts', () => {
    const { panel, indicator } = setUp();
    indicator.phase('idle');
    indicator.health('broker', true);
    assert.equal(panel.shown, 'ready');
    indicator.health('lines', true);
    indicator.health('broker', false);
    assert.equal(panel.shown, 'fault');
  });

  it('is off after the close', () => {
    const { clock, panel, indicator } = setUp();
    indicator.phase('idle');
    indicator.refused();
    indicator.close();
    assert.equal(panel.shown, 'off');
    assert.equal(clock.waiting, 0);
  });
});
