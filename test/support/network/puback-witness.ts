import { type Packet, parser } from 'mqtt-packet';
import type { ProxiedPacket } from './proxy.js';

/** Records which events a broker has acknowledged, from the packets of a proxy. MQTT 3.1.1 only. */
export class PubackWitness {
  readonly acknowledged = new Set<number>();
  /** Events by connection and packet id. */
  readonly #sent = new Map<string, number>();

  add({ to, bytes, connection }: ProxiedPacket): void {
    const packet = decode(bytes);
    if (packet?.cmd === 'publish' && to === 'broker' && packet.topic.endsWith('/event'))
      this.#sent.set(
        `${connection} ${packet.messageId}`,
        JSON.parse(packet.payload.toString()).seq as number,
      );
    if (packet?.cmd === 'puback' && to === 'client') {
      const seq = this.#sent.get(`${connection} ${packet.messageId}`);
      if (seq !== undefined) this.acknowledged.add(seq);
    }
  }
}

const decode = (bytes: Buffer): Packet | null => {
  let decoded: Packet | null = null;
  const decoder = parser({ protocolVersion: 4 });
  decoder.on('packet', (packet) => {
    decoded = packet;
  });
  decoder.on('error', () => {});
  decoder.parse(bytes);
  return decoded;
};
