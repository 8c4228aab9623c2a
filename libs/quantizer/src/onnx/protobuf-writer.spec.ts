import { describe, expect, it } from 'vitest';
import { ProtobufWriter } from './protobuf-writer.js';

const hex = (writer: ProtobufWriter) => Buffer.from(writer.finish()).toString('hex');

// Expected bytes are worked out from the wire format's rules: tag = field << 3 | type.
describe('ProtobufWriter', () => {
  it('writes numbers in groups of seven bits, lowest first', () => {
    expect(hex(new ProtobufWriter().int(1, 150))).toBe('089601');
  });

  it('writes negative numbers as 64-bit two’s complement', () => {
    expect(hex(new ProtobufWriter().int(1, -1))).toBe('08ffffffffffffffffff01');
    expect(hex(new ProtobufWriter().int(1, 2n ** 63n - 1n))).toBe('08ffffffffffffffff7f');
  });

  it('writes floats in four bytes, lowest first', () => {
    expect(hex(new ProtobufWriter().float(2, 1))).toBe('150000803f');
  });

  it('writes the length of texts, messages and packed numbers before them', () => {
    expect(hex(new ProtobufWriter().string(2, 'né'))).toBe('12036ec3a9');
    expect(hex(new ProtobufWriter().message(3, new ProtobufWriter().int(1, 1)))).toBe('1a020801');
    expect(hex(new ProtobufWriter().packedInts(4, [3, 270]))).toBe('2203038e02');
  });

  it('writes fields above 15 with tags of two bytes', () => {
    expect(hex(new ProtobufWriter().int(20, 7))).toBe('a00107');
  });
});
