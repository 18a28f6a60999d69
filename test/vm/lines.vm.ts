import { CONTRACT_LINES, linesContract } from '../contract/lines-contract.js';
import { at, makeIoBench } from './guest/io-bench.js';

linesContract('sortbin-io on a kernel with simulated chips', async () => {
  const { sim, pwm, lines, close } = await makeIoBench();
  const press = (name: keyof typeof CONTRACT_LINES, active: boolean) =>
    sim.pull(name, active !== CONTRACT_LINES[name].activeLow ? 'up' : 'down');
  press('button', false);
  return {
    lines,
    at,
    nowhere: { chip: 'nowhere', offset: 0 },
    servo: { chip: pwm.device, channel: 0 },
    press,
    level: (name) =>
      name === 'servo' ? pwm.pulseNs(0) > 0 : (sim.value(name) === 1) !== CONTRACT_LINES[name].activeLow,
    nowNs: () => process.hrtime.bigint(),
    pass: async () => {},
    close,
  };
});
