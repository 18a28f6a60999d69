import type { GateFault } from '../../hardware/gate/gate.js';
import type { FaultTexts } from './fault-text.js';

/** Faults of the gate. */
export const GATE_FAULTS: FaultTexts<GateFault | 'gate-timeout'> = {
  'gate-jammed': {
    meaning: 'A switch of the gate did not become active in time, after all retries.',
    cure: 'Free the gate. Then check the switch and the motor with `sortbin calibrate`.',
  },
  'gate-busy': {
    meaning: 'A move was requested during another move.',
    cure: 'Nothing. If it stays, restart the bin, and report it with the log.',
  },
  'gate-guarded': {
    meaning: 'A guard is active, for example an open lid. The gate does not move.',
    cure: 'Close the lid, or check the guard input.',
  },
  'gate-locked': {
    meaning: 'The service switch locks the gate, or a person holds the bin.',
    cure: 'Turn the service switch off, or run `sortbin resume`.',
  },
  'gate-failed': {
    meaning: 'The driver of the gate failed, or something else ended the move. The message states what.',
    cure: 'Follow the message. Run `sortbin doctor`.',
  },
  'gate-timeout': {
    meaning: 'The gate was not home again within `cycle.moveMs` or `cycle.homeMs`.',
    cure: 'Free the gate. If it is slow, raise these keys.',
  },
};
