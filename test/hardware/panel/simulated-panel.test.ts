import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { panelContract } from '../../contract/panel-contract.js';
import { SimulatedPanel } from '../../support/hardware/simulated-panel.js';

panelContract('simulated', () => {
  const clock = new SimulatedClock();
  const panel = new SimulatedPanel(clock);
  return {
    panel,
    shown: () => panel.shown,
    press: async () => panel.press(),
    nowMs: () => clock.monotonicMs(),
    pass: (ms) => clock.advance(ms),
  };
});
