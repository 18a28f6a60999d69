import { SimulatedPerson } from '../../../device/hardware/panel/simulated-person.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { personContract } from '../../contract/person-contract.js';

personContract('simulated', () => {
  const clock = new SimulatedClock();
  const person = new SimulatedPerson(clock);
  return {
    person,
    shown: () => person.shown,
    press: async () => person.press(),
    nowMs: () => clock.monotonicMs(),
    pass: (ms) => clock.advance(ms),
  };
});
