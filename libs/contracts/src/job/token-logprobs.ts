/** A token and the natural logarithm of its probability by the model alone, before any sampling rule. */
export interface TokenLogprob {
  readonly tokenId: number;
  /** The token as text; a part of a character is a replacement character. */
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** A generated token with the likeliest ones at its place, best first; as many as were asked for. */
export interface TokenLogprobs extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/** Wire form, as OpenAI has it. */
export interface TokenLogprobView {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

export interface TokenLogprobsView extends TokenLogprobView {
  readonly top_logprobs: readonly TokenLogprobView[];
}

export function toLogprobsView({ top, ...chosen }: TokenLogprobs): TokenLogprobsView {
  return { ...toLogprobView(chosen), top_logprobs: top.map(toLogprobView) };
}

function toLogprobView({ token, logprob, bytes }: TokenLogprob): TokenLogprobView {
  return { token, logprob, bytes };
}
