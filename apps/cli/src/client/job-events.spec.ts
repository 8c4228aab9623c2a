import { expect, it } from 'vitest';
import { readJobEvents, type JobStreamEvent } from './job-events.js';

async function read(...chunks: string[]): Promise<JobStreamEvent[]> {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const events: JobStreamEvent[] = [];
  for await (const event of readJobEvents(ReadableStream.from(bytes))) events.push(event);
  return events;
}

const stream = [
  'id: 1-0\nevent: status\ndata: {"status":"running"}\n\n',
  ': keep-alive\n\n',
  'id: 1-1\nevent: token\ndata: {"index":0,"text":"It ","n":1}\n\n',
  'id: 1-2\nevent: novelty\ndata: {}\n\n',
  'id: 1-3\nevent: done\ndata: {"id":"job_1"}\n\n',
  'id: 1-4\nevent: token\ndata: {"index":0,"text":"too late","n":1}\n\n',
].join('');

it('events come in order up to the end of the job, whatever the chunks of the network', async () => {
  const whole = await read(stream);
  expect(whole).toMatchObject([
    { type: 'status', status: 'running' },
    { type: 'token', text: 'It ', n: 1 },
    { type: 'done', job: { id: 'job_1' } },
  ]);
  expect(await read(...stream.split(''))).toEqual(whole);
});

it('a stream that breaks off just ends', async () => {
  expect(await read(stream.slice(0, 90))).toMatchObject([{ type: 'status', status: 'running' }]);
});
