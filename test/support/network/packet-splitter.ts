const CONTINUES = 0x80;
const HIGHEST_LENGTH_BYTES = 4;

/** Splits a stream of bytes into whole MQTT packets. */
export class PacketSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** Returns the packets that `data` completes. They share its memory. */
  split(data: Buffer): Buffer[] {
    let rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    const packets: Buffer[] = [];
    for (;;) {
      const length = lengthOf(rest);
      if (length === null || rest.length < length) break;
      packets.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    this.#rest = rest;
    return packets;
  }
}

/** Returns the length of the first packet, with its header, or null if the header is not complete. */
const lengthOf = (bytes: Buffer): number | null => {
  let remaining = 0;
  for (let index = 1; index <= HIGHEST_LENGTH_BYTES; index++) {
    const byte = bytes[index];
    if (byte === undefined) return null;
    remaining += (byte & ~CONTINUES) * CONTINUES ** (index - 1);
    if (byte < CONTINUES) return 1 + index + remaining;
  }
  throw new Error('the length of an MQTT packet has more than four bytes');
};
