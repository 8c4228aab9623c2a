import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until the answer is not undefined; fails after `timeoutMs` with what was waited for. */
export async function pollUntil<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  timeoutMs = 30_000,
  everyMs = 50,
): Promise<T> {
  const giveUpAtMs = Date.now() + timeoutMs;
  while (Date.now() < giveUpAtMs) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(everyMs);
  }
  throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`);
}
