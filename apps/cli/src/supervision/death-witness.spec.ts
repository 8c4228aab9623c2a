import { existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeFlightRecord, type FlightRecord } from '#observability';
import { DeathWitness } from './death-witness.js';

const SEGFAULT = { kind: 'signal', signal: 'SIGSEGV' } as const;
const RECORD: FlightRecord = {
  workerId: 'w1',
  phase: 'decode',
  jobsInStep: ['job_1'],
  held: [
    { jobId: 'job_1', attempt: 1, lockToken: 'a' },
    { jobId: 'job_2', attempt: 1, lockToken: 'b' },
  ],
  rssBytes: 1,
  atMs: 1,
};

describe('the witness of a worker, while Redis is away', () => {
  let told: string[];
  let witness: DeathWitness;
  beforeEach(() => {
    told = [];
    const nowhere = { redisUrl: 'redis://127.0.0.1:1', model: 'tiny', variant: '6_5' };
    witness = new DeathWitness(nowhere, (line) => told.push(line));
    witness.runBegins();
  });
  afterEach(() => witness.close());

  const leave = (record: FlightRecord) =>
    writeFileSync(witness.env['DROVER_FLIGHT_RECORD'] ?? '', encodeFlightRecord(record));

  it('gives up in bounded time, says of what, and leaves no file behind', async () => {
    leave(RECORD);
    witness.runEnded(SEGFAULT);
    await witness.close();
    expect(told).toEqual([
      expect.stringMatching(/step \(decode\) of 1 jobs and held 2, which Redis could not/),
    ]);
    expect(existsSync(dirname(witness.env['DROVER_FLIGHT_RECORD'] ?? ''))).toBe(false);
  });

  it.each([
    { end: 'that left no record', record: null },
    { end: 'that held nothing', record: { ...RECORD, held: [] } },
  ])('has nothing to say of an end $end', async ({ record }) => {
    if (record !== null) leave(record);
    witness.runEnded(SEGFAULT);
    await witness.close();
    expect(told).toEqual([]);
  });

  it('does not take the record of one run for that of the next', async () => {
    leave(RECORD);
    witness.runBegins();
    witness.runEnded(SEGFAULT);
    await witness.close();
    expect(told).toEqual([]);
  });
});
