import { Engine, type ModelRunner, type PagedRunner, type TokenTextDecoder } from '#engine';
import { greedyRequest } from './greedy-request.js';
import { median } from './median.js';
import { randomPrompt } from './random-prompt.js';

const PREFILL_CHUNK_TOKENS = 256;
const QUESTION_TOKENS = 8;
const ANSWER_TOKENS = 8;
const PATTERN_TOKENS = 16;

export interface PrefixLoad {
  readonly requests: number;
  readonly systemPromptTokens: number;
}

export interface PrefixFigures {
  /** Prompt tokens that were run, of all requests. */
  readonly prefillTokens: number;
  /** Median over the requests, from its place in the cache to its first token. */
  readonly timeToFirstTokenMs: number;
}

/** Requests that come at once, with one system prompt and a question of their own each, to a new engine. */
export async function measurePrefix(
  runner: ModelRunner | PagedRunner,
  load: PrefixLoad,
  prefixCache: boolean,
  createDecoder: () => TokenTextDecoder,
): Promise<PrefixFigures> {
  let prefillTokens = 0;
  const engine = new Engine({
    runner,
    prefillChunkTokens: PREFILL_CHUNK_TOKENS,
    prefixCache,
    speculation: false,
    onStep: (report) => (prefillTokens += report.prefillTokens),
  });
  const { vocabSize } = runner.info;
  const systemPrompt = randomPrompt(0, load.systemPromptTokens, vocabSize);
  const requests = Array.from({ length: load.requests }, (_, index) =>
    greedyRequest({
      id: `question-${index}`,
      promptTokenIds: Int32Array.of(...systemPrompt, ...randomPrompt(index + 1, QUESTION_TOKENS, vocabSize)),
      maxTokens: ANSWER_TOKENS,
      deterministic: false,
      decoder: createDecoder(),
    }),
  );
  try {
    const results = await Promise.all(requests.map((request) => engine.submit(request)));
    const times = results.map(({ timeToFirstTokenMs }) => timeToFirstTokenMs ?? Number.NaN);
    return { prefillTokens, timeToFirstTokenMs: median(times) };
  } finally {
    await engine.close();
  }
}

export interface RepetitionFigures {
  /** After the first token. */
  readonly tokensPerS: number;
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
}

/** One request whose prompt repeats itself. */
export async function measureRepetition(
  runner: ModelRunner | PagedRunner,
  load: { readonly promptTokens: number; readonly answerTokens: number },
  speculation: boolean,
  createDecoder: () => TokenTextDecoder,
): Promise<RepetitionFigures> {
  let [draftedTokens, acceptedTokens] = [0, 0];
  const engine = new Engine({
    runner,
    prefillChunkTokens: PREFILL_CHUNK_TOKENS,
    speculation,
    onStep: (report) => {
      draftedTokens += report.draftedTokens;
      acceptedTokens += report.acceptedTokens;
    },
  });
  const pattern = randomPrompt(0, PATTERN_TOKENS, runner.info.vocabSize);
  const promptTokenIds = Int32Array.from(
    { length: load.promptTokens },
    (_, index) => pattern[index % PATTERN_TOKENS]!,
  );
  const request = greedyRequest({
    id: 'repetition',
    promptTokenIds,
    maxTokens: load.answerTokens,
    deterministic: false,
    decoder: createDecoder(),
  });
  try {
    const { decodeMs, tokenIds } = await engine.submit(request);
    return { tokensPerS: ((tokenIds.length - 1) * 1000) / decodeMs, draftedTokens, acceptedTokens };
  } finally {
    await engine.close();
  }
}
