import { SystemClock } from '../../device/kit/clock.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { clockContract } from '../contract/clock-contract.js';

clockContract('system', () => {
  const clock = new SystemClock();
  return { clock, pass: (ms) => new Promise((resolve) => clock.after(ms + 1, resolve)) };
});

clockContract('simulated', () => {
  const clock = new SimulatedClock();
  return { clock, pass: (ms) => clock.advance(ms) };
});
