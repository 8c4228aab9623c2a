import type { TextEnd, TokenLogprobs } from '#contracts';
import type { TextSoFar, TokenAppend } from './queue.types.js';
import { storedValue } from './stored-value.js';

type ShownTokens = Omit<TokenAppend, 'lease' | 'sequence'>;

/**
 * Values of a token entry of a job's stream: text, index, number of tokens, ids, log probabilities, end. Lists have
 * commas between and no brackets, so that a script joins them without a look inside.
 */
export function encodeTokens({
  index,
  text,
  tokenIds,
  logprobs,
  finishReason,
}: ShownTokens): (string | number)[] {
  return [text, index, tokenIds.length, tokenIds.join(','), encodeLogprobs(logprobs), finishReason ?? ''];
}

/** Texts as the start script tells them: text, ids, log probabilities and end of each. */
export function decodeTextsSoFar(flat: readonly string[]): TextSoFar[] {
  return Array.from({ length: flat.length / 4 }, (_, i) => {
    const [text = '', ids = '', logprobs = '', finish = ''] = flat.slice(4 * i, 4 * i + 4);
    return {
      text,
      tokenIds: ids === '' ? [] : ids.split(',').map(Number),
      logprobs: decodeLogprobs(logprobs),
      finishReason: finish === '' ? null : storedValue<TextEnd>(finish),
    };
  });
}

export function decodeLogprobs(elements: string): TokenLogprobs[] {
  return storedValue(JSON.parse(`[${elements}]`));
}

function encodeLogprobs(logprobs: readonly TokenLogprobs[]): string {
  return JSON.stringify(logprobs).slice(1, -1);
}
