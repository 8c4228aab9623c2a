import { offeredTools, type JobInput } from '#contracts';
import type { Tokenizer } from '#tokenizer';

/** Characters looked at before the event loop gets its turn; about 5 ms of encoding. */
const SLICE_CHARS = 4_096;

/**
 * Tokens of a job's prompt as its worker will see it. A text that is far over `contextTokens` is
 * counted only that far, slice by slice, so that no request holds up the others: the answer is then
 * a lower bound, and too many either way.
 */
export async function countPromptTokens(
  tokenizer: Tokenizer,
  input: JobInput,
  contextTokens: number,
): Promise<number> {
  const tools = offeredTools(input);
  const texts = [...textsOf(input), ...tools.map((tool) => JSON.stringify(tool))];
  const atLeast = await countAtLeast(tokenizer, texts, contextTokens);
  if (atLeast > contextTokens) return atLeast;
  return input.messages === undefined
    ? tokenizer.encodePrompt(input.prompt ?? '').length
    : tokenizer.encodeChat(input.messages, tools).length;
}

function textsOf({ messages, prompt = '' }: JobInput): readonly string[] {
  return messages?.map((message) => message.content ?? '') ?? [prompt];
}

/** Stops once over `limit`. Cutting a text may split one token in two per cut, which is taken off again. */
async function countAtLeast(tokenizer: Tokenizer, texts: readonly string[], limit: number): Promise<number> {
  let tokens = 0;
  for (const text of texts) {
    for (let at = 0; at < text.length; at += SLICE_CHARS) {
      tokens += Math.max(0, tokenizer.encodeText(text.slice(at, at + SLICE_CHARS)).length - TOKENS_A_CUT_ADDS);
      if (tokens > limit) return tokens;
      await new Promise(setImmediate);
    }
  }
  return tokens;
}

/** Generous: a cut changes only the tokens of the word it falls into. */
const TOKENS_A_CUT_ADDS = 16;
