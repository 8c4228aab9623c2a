import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ALIGNMENT_BYTES, encodeGgufHeader, type GgufTensor, type GgufValue } from './gguf-header.js';

/** Reads a header by the format's description, independent of the writer. */
function decodeHeader(bytes: Buffer) {
  let at = 0;
  const uint32 = () => bytes.readUInt32LE((at += 4) - 4);
  const uint64 = () => Number(bytes.readBigUInt64LE((at += 8) - 8));
  const text = () => {
    const length = uint64();
    return bytes.toString('utf8', at, (at += length));
  };
  const times = <T>(count: number, read: () => T) => Array.from({ length: count }, read);
  const value = (type = uint32()): unknown => {
    if (type === 4) return uint32();
    if (type === 5) return bytes.readInt32LE((at += 4) - 4);
    if (type === 6) return bytes.readFloatLE((at += 4) - 4);
    if (type === 8) return text();
    const element = uint32();
    return times(uint64(), () => value(element));
  };
  const magic = bytes.toString('latin1', 0, (at += 4));
  const version = uint32();
  const [tensors, entries] = [uint64(), uint64()];
  const metadata = Object.fromEntries(times(entries, () => [text(), value()]));
  const infos = times(tensors, () => ({
    name: text(),
    shape: times(uint32(), uint64).toReversed(),
    type: uint32(),
    offset: uint64(),
  }));
  return { magic, version, metadata, infos, end: at };
}

const anyValue: fc.Arbitrary<GgufValue> = fc.oneof(
  fc.record({ uint32: fc.nat() }),
  fc.record({ float32: fc.float({ noNaN: true }) }),
  fc.record({ string: fc.string({ unit: 'grapheme' }) }),
  fc.record({ strings: fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }) }),
  fc.record({ int32s: fc.array(fc.integer(), { maxLength: 5 }) }),
);
const anyTensor: fc.Arbitrary<GgufTensor> = fc.record({
  name: fc.string(),
  type: fc.nat(30),
  shape: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
  bytes: fc.nat(10_000),
});

it('is read back as it was written, and tensors begin aligned, one after the other', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), anyValue, { noNullPrototype: true, maxKeys: 6 }),
      fc.array(anyTensor, { maxLength: 6 }),
      (metadata, tensors) => {
        const header = encodeGgufHeader(metadata, tensors);
        const read = decodeHeader(header);
        expect(read).toMatchObject({ magic: 'GGUF', version: 3 });
        expect(Object.entries(read.metadata)).toEqual(
          Object.entries(metadata).map(([key, value]) => [key, Object.values(value)[0]]),
        );
        let offset = 0;
        for (const [index, { name, type, shape, bytes }] of tensors.entries()) {
          expect(read.infos[index]).toEqual({ name, type, shape, offset });
          offset += bytes + ((ALIGNMENT_BYTES - (bytes % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES);
        }
        expect(header.length % ALIGNMENT_BYTES).toBe(0);
        expect(header.length - read.end).toBeLessThan(ALIGNMENT_BYTES);
      },
    ),
  );
});
