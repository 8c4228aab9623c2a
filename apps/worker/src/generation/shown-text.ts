import type { TextEnd, TokenLogprobs } from '#contracts';
import type { TextSoFar } from '#queue';

/** More of a text. */
export interface TextPart {
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprobs[];
}

/** A text that grows part by part. */
export class ShownText implements TextSoFar {
  text = '';
  finishReason: TextEnd | null = null;
  readonly tokenIds: number[] = [];
  readonly logprobs: TokenLogprobs[] = [];

  add({ text, tokenIds, logprobs }: TextPart): void {
    this.text += text;
    for (const id of tokenIds) this.tokenIds.push(id);
    for (const logprob of logprobs) this.logprobs.push(logprob);
  }
}
