import type { Payload } from './mqtt.js';

/** Returns a copy of a payload in bytes. */
export const encodePayload = (payload: Payload): Buffer => {
  if (typeof payload === 'string') return Buffer.from(payload);
  return Buffer.from(payload instanceof Uint8Array ? payload : JSON.stringify(payload));
};
