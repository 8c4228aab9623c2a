/**
 * The writing half of protobuf's wire format, as far as ONNX needs it: varint (0), length-delimited (2) and
 * 32-bit (5) fields. Source: protobuf.dev/programming-guides/encoding.
 */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];

  /** int32, int64, enum: negative numbers take ten bytes, as in two's complement of 64 bits. */
  int(field: number, value: number | bigint): this {
    this.#parts.push(varint(tag(field, 0)), varint(BigInt.asUintN(64, BigInt(value))));
    return this;
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#parts.push(varint(tag(field, 5)), bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#parts.push(varint(tag(field, 2)), varint(BigInt(value.byteLength)), value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'));
  }

  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish());
  }

  /** Repeated int64 in packed form. */
  packedInts(field: number, values: readonly (number | bigint)[]): this {
    const packed = values.map((value) => varint(BigInt.asUintN(64, BigInt(value))));
    return this.bytes(field, Buffer.concat(packed));
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

function tag(field: number, wireType: number): bigint {
  return BigInt((field << 3) | wireType);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
