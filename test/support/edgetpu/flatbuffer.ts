/** A minimal FlatBuffers writer for small .tflite files. It writes parents first, so that offsets point forwards. */

export type Field =
  | { readonly scalar: 'u8' | 'u32' | 'i32'; readonly value: number }
  | { readonly child: Child }
  | null;

export type Child =
  | { readonly table: readonly Field[] }
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
  | { readonly i32s: readonly number[] }
  | { readonly f32s: readonly number[] }
  | { readonly i64s: readonly number[] }
  | { readonly children: readonly Child[] };

const SIZES = { u8: 1, u32: 4, i32: 4 } as const;

export const writeFlatbuffer = (root: Child, identifier: string): Buffer => {
  const writer = new Writer();
  writer.append(4);
  writer.bytes.write(identifier, writer.append(4), 'latin1');
  const at = writer.write(root);
  // Last, because write() may have replaced the buffer.
  writer.bytes.writeUInt32LE(at, 0);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
};

class Writer {
  bytes = Buffer.alloc(1 << 12);
  length = 0;

  append(count: number, alignment = 1, before = 0): number {
    while ((this.length + before) % alignment > 0) this.length += 1;
    const at = this.length;
    this.length += count;
    while (this.length > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.bytes.length)]);
    return at;
  }

  /** Returns the position of the written value. */
  write(child: Child): number {
    if ('table' in child) return this.#table(child.table);
    if ('children' in child) {
      const at = this.#vector(child.children.length, 4, 4);
      child.children.forEach((one, index) => {
        this.#point(at + 4 + 4 * index, this.write(one));
      });
      return at;
    }
    if ('text' in child) return this.#raw(Buffer.from(`${child.text}\0`), child.text.length, 1);
    if ('bytes' in child) return this.#raw(Buffer.from(child.bytes), child.bytes.length, 1);
    if ('i32s' in child)
      return this.#raw(Buffer.from(Int32Array.from(child.i32s).buffer), child.i32s.length, 4);
    if ('f32s' in child)
      return this.#raw(Buffer.from(Float32Array.from(child.f32s).buffer), child.f32s.length, 4);
    const values = BigInt64Array.from(child.i64s.map(BigInt));
    return this.#raw(Buffer.from(values.buffer), child.i64s.length, 8);
  }

  #table(fields: readonly Field[]): number {
    const offsets: number[] = [];
    let size = 4;
    for (const field of fields) {
      const bytes = field === null ? 0 : 'scalar' in field ? SIZES[field.scalar] : 4;
      if (bytes > 0) size = Math.ceil(size / bytes) * bytes;
      offsets.push(bytes > 0 ? size : 0);
      size += bytes;
    }
    const vtable = this.append(4 + 2 * fields.length, 2);
    const at = this.append(size, 4);
    this.bytes.writeUInt16LE(4 + 2 * fields.length, vtable);
    this.bytes.writeUInt16LE(size, vtable + 2);
    offsets.forEach((offset, index) => {
      this.bytes.writeUInt16LE(offset, vtable + 4 + 2 * index);
    });
    this.bytes.writeInt32LE(at - vtable, at);
    fields.forEach((field, index) => {
      const place = at + (offsets[index] ?? 0);
      if (field === null) return;
      if ('child' in field) this.#point(place, this.write(field.child));
      else if (field.scalar === 'u8') this.bytes.writeUInt8(field.value, place);
      else this.bytes.writeInt32LE(field.value, place);
    });
    return at;
  }

  #vector(count: number, elementBytes: number, alignment: number): number {
    const at = this.append(4 + count * elementBytes, alignment, 4);
    this.bytes.writeUInt32LE(count, at);
    return at;
  }

  #raw(data: Buffer, count: number, alignment: number): number {
    const at = this.append(4 + data.length, Math.max(alignment, 4), 4);
    this.bytes.writeUInt32LE(count, at);
    data.copy(this.bytes, at + 4);
    return at;
  }

  #point(place: number, target: number): void {
    this.bytes.writeUInt32LE(target - place, place);
  }
}
