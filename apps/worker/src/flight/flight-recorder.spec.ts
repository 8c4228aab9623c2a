import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFlightRecord } from '#observability';
import { openFlightFile } from './flight-file.js';
import { FlightRecorder } from './flight-recorder.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-flight-'));
  path = join(folder, 'flight');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = () => decodeFlightRecord(readFileSync(path));
const held = (jobId: string, attempt = 1) => ({ jobId, attempt, lockToken: `lock of ${jobId}` });

describe('the flight record', () => {
  it('names the jobs of the step that is about to run apart from those that are held', () => {
    const recorder = new FlightRecorder('w1', openFlightFile(path));
    expect(read()).toMatchObject({ workerId: 'w1', phase: 'load', jobsInStep: [], held: [] });
    recorder.modelLoaded();
    for (const job of ['a', 'b', 'waiting']) recorder.hold(`${job}/1`, held(job));
    recorder.stepStarts({ decodeIds: ['a/1#0'], prefillIds: ['b/1#0'] });
    expect(read()).toMatchObject({
      phase: 'mixed',
      jobsInStep: ['a', 'b'],
      held: [held('a'), held('b'), held('waiting')],
    });
    recorder.stepStarts({ decodeIds: [], prefillIds: ['b/1#0'] });
    expect(read()).toMatchObject({ phase: 'prefill', jobsInStep: ['b'] });
    recorder.stepStarts({ decodeIds: ['b/1#0'], prefillIds: [] });
    recorder.stepDone({ slotsUsed: 1 });
    expect(read()).toMatchObject({ phase: 'decode', jobsInStep: ['b'] });
  });

  it('blames nobody once the last job has left', () => {
    const recorder = new FlightRecorder('w1', openFlightFile(path));
    recorder.hold('a/1', held('a'));
    recorder.stepStarts({ decodeIds: ['a/1#0'], prefillIds: [] });
    recorder.stepDone({ slotsUsed: 0 });
    recorder.release('a/1');
    expect(read()).toMatchObject({ phase: 'idle', jobsInStep: [], held: [] });
  });

  it('adds a job whose prompt is compiled to those of the step under way, and takes it out again', () => {
    const recorder = new FlightRecorder('w1', openFlightFile(path));
    for (const job of ['a', 'b']) recorder.hold(`${job}/1`, held(job));
    recorder.stepStarts({ decodeIds: ['a/1#0'], prefillIds: [] });
    recorder.compiling('b', () => expect(read()).toMatchObject({ phase: 'compile', jobsInStep: ['a', 'b'] }));
    expect(read()).toMatchObject({ phase: 'decode', jobsInStep: ['a'] });
    const refuse = () => {
      throw new Error('no such role');
    };
    expect(() => recorder.compiling('b', refuse)).toThrow('no such role');
    expect(read()).toMatchObject({ phase: 'decode', jobsInStep: ['a'] });
  });

  it('reads the memory no more than ten times a second', () => {
    let nowMs = 1_000;
    let readings = 0;
    const clock = { nowMs: () => nowMs, rssBytes: () => ++readings };
    const recorder = new FlightRecorder('w1', openFlightFile(path), clock);
    for (; nowMs < 2_000; nowMs += 10) recorder.stepStarts({ decodeIds: [], prefillIds: [] });
    expect(readings).toBe(10);
    expect(read()).toMatchObject({ rssBytes: 10, atMs: 1_990 });
  });

  it('is gone after an end in order, and was nowhere without a path', async () => {
    await new FlightRecorder('w1', openFlightFile(path)).close();
    expect(existsSync(path)).toBe(false);
    await new FlightRecorder('w1', openFlightFile('')).close();
  });
});
