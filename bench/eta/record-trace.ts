import { setTimeout as sleep } from 'node:timers/promises';
import { VARIANT, type EtaSystem } from './eta-system.js';
import type { Arrival, Trace } from './trace.js';

const RECORDED_MS = 60_000;
const THINKING_MS = 1_000;
const BATCH_EVERY_MS = 15_000;
const BATCH_JOBS = 60;
const LONGEST_WAIT_S = 60;

const CHATS = [
  'What is 27 + 58?',
  'Spell the word "lantern".',
  'Sort these numbers: 9, 4, 17, 2.',
  'My name is Ada. What is my name?',
  'Repeat after me: the quick brown fox.',
  'Which letter does "table" start with?',
];
const HEROES = ['a fox', 'a lighthouse keeper', 'two brothers', 'a small robot', 'an old tree'];
const FACTS = [
  'The library opens at nine and closes at five.',
  'Mara keeps three goats and one donkey behind the mill.',
  'The train to the coast leaves from platform four.',
  'Every spring the river takes the lower bridge away.',
  'The baker sells his last loaf before noon on Fridays.',
];

/** Submits one job and tells when it has ended. */
type Send = (priority: number, input: Arrival['input']) => Promise<void>;

/**
 * Lets users loose on the service for a minute and writes down what they send and when: two who chat and two who have
 * stories written, each waiting for an answer and thinking before the next request, and one who sends batches.
 */
export async function recordTrace(system: EtaSystem, signal: AbortSignal): Promise<Trace> {
  const arrivals: Arrival[] = [];
  const startedAtMs = Date.now();
  const time = AbortSignal.any([signal, AbortSignal.timeout(RECORDED_MS)]);
  const send: Send = async (priority, input) => {
    arrivals.push({ atMs: Date.now() - startedAtMs, priority, input });
    const job = await system.client.submit(
      { model: system.model, variant: VARIANT, priority, input },
      signal,
    );
    await system.client.job(job.id, LONGEST_WAIT_S, signal);
  };
  const users = [chat, chat, story, story].map((ask) => talk(ask, send, time));
  await Promise.all([...users, sendBatches(send, time)]);
  signal.throwIfAborted();
  return {
    recorded:
      `${new Date().toISOString()}: bench/eta/record-trace.ts, ${RECORDED_MS / 1000} s against the API and one worker ` +
      `of ${system.model}:${VARIANT}. Users choose at random and wait for answers; these are the requests as they were sent.`,
    arrivals,
  };
}

async function talk(ask: (send: Send) => Promise<void>, send: Send, time: AbortSignal): Promise<void> {
  while (!time.aborted) {
    await ask(send);
    await pause(-Math.log(1 - Math.random()) * THINKING_MS, time);
  }
}

function chat(send: Send): Promise<void> {
  return send(2, { messages: [{ role: 'user', content: anyOf(CHATS) }], max_tokens: 64 });
}

function story(send: Send): Promise<void> {
  const content = `Write a short story about ${anyOf(HEROES)}.`;
  const length = 100 + Math.floor(Math.random() * 300);
  return send(5, {
    messages: [{ role: 'user', content }],
    max_tokens: length,
    min_tokens: Math.floor(length / 2),
  });
}

async function sendBatches(send: Send, time: AbortSignal): Promise<void> {
  const sent: Promise<void>[] = [];
  while (!time.aborted) {
    for (let i = 0; i < BATCH_JOBS; i++) {
      const text = Array.from({ length: 4 + Math.floor(Math.random() * 20) }, () => anyOf(FACTS)).join(' ');
      const content = `${text} Write down what the text says.`;
      sent.push(send(8, { messages: [{ role: 'user', content }], max_tokens: 200, min_tokens: 80 }));
    }
    await pause(BATCH_EVERY_MS, time);
  }
  await Promise.all(sent);
}

function anyOf(values: readonly string[]): string {
  const value = values[Math.floor(Math.random() * values.length)];
  if (value === undefined) throw new Error('Nothing to choose from.');
  return value;
}

/** Ends early where the time is up. */
async function pause(ms: number, time: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: time }).catch(() => undefined);
}
