import type { Lines } from '../../device/hardware/lines/lines.js';
import { CONTRACT_LINES, type LinesBench, linesContract } from '../contract/lines-contract.js';
import { at, makeSortbinIoLines, makeSysfsLines } from './guest/bin-lines.js';
import { makeBench } from './guest/io-bench.js';

const contractBench = async (driver: Lines): Promise<LinesBench> => {
  const { sim, pwm, lines, close } = await makeBench(driver);
  const press = (name: keyof typeof CONTRACT_LINES, active: boolean) =>
    sim.pull(name, active !== CONTRACT_LINES[name].activeLow ? 'up' : 'down');
  press('button', false);
  return {
    lines,
    at,
    missingLine: { chip: 'nowhere', offset: 0 },
    servo: { chip: pwm.device, channel: 0 },
    press,
    level: (name) =>
      name === 'servo' ? pwm.pulseNs(0) > 0 : (sim.value(name) === 1) !== CONTRACT_LINES[name].activeLow,
    nowNs: () => process.hrtime.bigint(),
    advance: async () => {},
    close,
  };
};

linesContract('sortbin-io on a kernel with simulated chips', () => contractBench(makeSortbinIoLines()));

linesContract('the real onoff on a kernel with simulated chips, outputs and PWM by sortbin-io', () =>
  contractBench(makeSysfsLines()),
);
