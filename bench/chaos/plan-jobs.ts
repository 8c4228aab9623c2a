import type { JobInput } from '#contracts';
import { SeededRandom } from './seeded-random.js';

/** How a client learns of its job's end. */
type Following = 'stream' | 'wait' | 'nothing';

/** What a client does with one job. */
export interface JobPlan {
  /** Which of the requests it sends. */
  readonly request: number;
  readonly priority: number;
  /** The submission is sent again once it was acknowledged, as by a client that has forgotten. */
  readonly submitTwice: boolean;
  readonly following: Following;
  /** Its stream is dropped once after this many events, and resumed. */
  readonly dropStreamAfter: number | null;
  readonly cancelAfterMs: number | null;
  readonly webhook: boolean;
}

const REQUESTS = 32;
const MIN_TOKENS = 50;
const MAX_TOKENS = 400;
const TOPICS = ['river', 'garden', 'lamp', 'winter', 'market', 'harbour', 'violin', 'cloud'] as const;

/** Different texts, long and short, greedy and sampled. */
export function planRequests(seed: number): JobInput[] {
  const random = new SeededRandom(seed, 1);
  return Array.from({ length: REQUESTS }, () => ({
    messages: [{ role: 'user', content: drawQuestion(random) }],
    max_tokens: random.between(MIN_TOKENS, MAX_TOKENS),
    ignore_eos: random.chance(0.85),
    ...drawSampling(random),
    // Stop strings hold text back, so that what was shown is less than what was generated.
    ...(random.chance(0.25) ? { stop: [random.pick([' the end', ' 40', 'river. ', '.\n'])] } : {}),
  }));
}

export function planJob(seed: number, index: number): JobPlan {
  const random = new SeededRandom(seed, 2 + index);
  return {
    request: random.between(0, REQUESTS - 1),
    priority: random.between(1, 9),
    submitTwice: random.chance(0.1),
    following: random.pick(['stream', 'stream', 'stream', 'wait', 'nothing']),
    dropStreamAfter: random.chance(0.3) ? random.between(1, 60) : null,
    cancelAfterMs: random.chance(0.12) ? random.between(0, 2_500) : null,
    webhook: random.chance(0.5),
  };
}

function drawQuestion(random: SeededRandom): string {
  const topic = random.pick(TOPICS);
  return random.pick([
    `Count from ${random.between(1, 9)} to ${random.between(20, 90)}.`,
    `Tell me a short story about a ${topic}.`,
    `Spell the word ${topic}.`,
    `What is ${random.between(10, 99)} + ${random.between(10, 99)}?`,
    `Repeat this three times: the ${topic} is ${random.pick(['old', 'blue', 'quiet'])}.`,
  ]);
}

function drawSampling(random: SeededRandom): Partial<JobInput> {
  const seed = random.between(0, 2 ** 31);
  return random.pick<Partial<JobInput>>([
    { temperature: 0, deterministic: true },
    { do_sample: false, repetition_penalty: 1.1, deterministic: true },
    { temperature: 0.8, seed },
    { temperature: 1, top_p: 0.9, seed },
    { temperature: 1.2, top_k: 40, presence_penalty: 0.3, frequency_penalty: 0.2, seed },
    { temperature: 1, top_k: 20 },
  ]);
}
