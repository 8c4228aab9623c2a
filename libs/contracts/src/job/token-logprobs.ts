/** A token and the natural logarithm of its probability by the model alone, before any sampling rule. */
export interface TokenLogprob {
  readonly tokenId: number;
  /** The token as text; a part of a character is a replacement character. */
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** A token with the likeliest ones at its place, best first; as many as were asked for. */
export interface TokenLogprobs extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/** The same of a prompt's token; the first has no probability, since nothing comes before it. */
export interface PromptTokenLogprobs extends Omit<TokenLogprobs, 'logprob'> {
  readonly logprob: number | null;
}

/** Wire form, as OpenAI has it. */
export interface TokenLogprobView {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

export interface TokenLogprobsView extends Omit<TokenLogprobView, 'logprob'> {
  /** Null of a prompt's first token. */
  readonly logprob: number | null;
  readonly top_logprobs: readonly TokenLogprobView[];
}

export function toLogprobsView({ token, logprob, bytes, top }: PromptTokenLogprobs): TokenLogprobsView {
  return { token, logprob, bytes, top_logprobs: top.map(toLogprobView) };
}

function toLogprobView({ token, logprob, bytes }: TokenLogprob): TokenLogprobView {
  return { token, logprob, bytes };
}
