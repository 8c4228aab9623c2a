import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeFlightRecord, encodeFlightRecord, type FlightRecord } from './flight-record.js';

const records: fc.Arbitrary<FlightRecord> = fc.record({
  workerId: fc.string({ unit: 'grapheme' }),
  phase: fc.constantFrom('load', 'compile', 'prefill', 'decode', 'mixed', 'idle'),
  jobsInStep: fc.array(fc.string()),
  held: fc.array(fc.record({ jobId: fc.string(), attempt: fc.nat(), lockToken: fc.string() })),
  rssBytes: fc.nat(),
  atMs: fc.nat(),
});

it('a record reads as it was written, whatever longer one it was written over', () => {
  fc.assert(
    fc.property(records, records, (older, newer) => {
      const file = Buffer.alloc(1 << 16);
      encodeFlightRecord(older).copy(file);
      encodeFlightRecord(newer).copy(file);
      expect(decodeFlightRecord(file)).toEqual(newer);
    }),
  );
});

it('a record that was cut anywhere is none', () => {
  fc.assert(
    fc.property(records, fc.nat(), (record, cut) => {
      const whole = encodeFlightRecord(record);
      // The last byte is the line's end, which the record does without.
      expect(decodeFlightRecord(whole.subarray(0, cut % (whole.length - 1)))).toBeNull();
    }),
  );
});
