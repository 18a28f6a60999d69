const MAX_PACKETS = 64;
const MAX_PARTS = 64;
const NOTHING = Buffer.alloc(0);

/** Splits a stream of bytes between the packets of MQTT. */
export class PacketSplitter {
  #parts: Buffer[] = [];
  #length = 0;
  /** The first packet is incomplete below this number of bytes. */
  #needed = 1;

  constructor(private readonly maxPacketBytes: number) {}

  add(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#parts.length > MAX_PARTS) this.#parts = [Buffer.concat(this.#parts)];
  }

  /**
   * Removes and returns the complete packets at the beginning, at most 64 of them; null if there is none.
   * @throws Error if a packet exceeds the maximum
   */
  take(): Buffer | null {
    if (this.#length < this.#needed) return null;
    const bytes = this.#parts.length === 1 ? (this.#parts[0] ?? NOTHING) : Buffer.concat(this.#parts);
    let end = 0;
    this.#needed = 1;
    for (let count = 0; count < MAX_PACKETS; count++) {
      const packetBytes = this.#packetBytes(bytes, end);
      if (end + packetBytes > bytes.length) {
        this.#needed = packetBytes;
        break;
      }
      end += packetBytes;
    }
    this.#parts = [bytes.subarray(end)];
    this.#length = bytes.length - end;
    return end === 0 ? null : bytes.subarray(0, end);
  }

  /**
   * Returns the size of the packet that begins at `start`, or one byte more than there are if its header is incomplete.
   * The length in the header has seven bits a byte, the lowest first. The highest bit announces another byte.
   */
  #packetBytes(bytes: Buffer, start: number): number {
    let length = 0;
    for (let at = start + 1, factor = 1; at < bytes.length; at++, factor *= 128) {
      const byte = bytes[at] ?? 0;
      length += (byte & 0x7f) * factor;
      if (length > this.maxPacketBytes || factor > 128 ** 3)
        throw new Error(`a packet exceeds ${this.maxPacketBytes} bytes`);
      if (byte < 0x80) return at + 1 - start + length;
    }
    return bytes.length + 1 - start;
  }
}
