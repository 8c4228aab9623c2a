/** Turns the generated tokens of one sequence into text. Never emits half a character. */
export interface TokenTextDecoder {
  /** Text that became complete with this token; may be empty. */
  push(tokenId: number): string;
  /** What is still held back at the end of the sequence. */
  flush(): string;
}
